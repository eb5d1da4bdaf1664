/** Theme and motion: what the system says, unless the reader says otherwise. */
import { lasting } from './storage';

export type ThemeChoice = 'system' | 'light' | 'dark';

export class Appearance {
  choice = $state<ThemeChoice>('system');
  #systemDark = $state(false);
  reducedMotion = $state(false);
  readonly #stop: (() => void)[] = [];

  constructor() {
    const saved = lasting.get('theme');
    if (saved === 'light' || saved === 'dark') this.choice = saved;
    this.#follow('(prefers-color-scheme: dark)', (yes) => (this.#systemDark = yes));
    this.#follow('(prefers-reduced-motion: reduce)', (yes) => (this.reducedMotion = yes));
  }

  get theme(): 'light' | 'dark' {
    if (this.choice === 'system') return this.#systemDark ? 'dark' : 'light';
    return this.choice;
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    lasting.set('theme', choice);
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }

  #follow(query: string, set: (yes: boolean) => void): void {
    const list = matchMedia(query);
    const update = () => set(list.matches);
    update();
    list.addEventListener('change', update);
    this.#stop.push(() => list.removeEventListener('change', update));
  }
}
