/** Theme and motion: what the system says, unless the reader says otherwise. */
import { lasting, type Store } from './storage';

export type ThemeChoice = 'system' | 'light' | 'dark';

/** Says whether the surroundings are dark, now and whenever that changes; gives what ends it. */
export type Surroundings = (set: (dark: boolean) => void) => () => void;

export class Appearance {
  choice = $state<ThemeChoice>('system');
  #systemDark = $state(false);
  reducedMotion = $state(false);
  readonly #stop: (() => void)[] = [];

  constructor(
    surroundings: Surroundings = (set) => following('(prefers-color-scheme: dark)', set),
    private readonly store: Store = lasting,
  ) {
    const saved = store.get('theme');
    if (saved === 'light' || saved === 'dark') this.choice = saved;
    this.#stop.push(surroundings((dark) => (this.#systemDark = dark)));
    this.#stop.push(
      following('(prefers-reduced-motion: reduce)', (yes) => (this.reducedMotion = yes)),
    );
  }

  get theme(): 'light' | 'dark' {
    if (this.choice === 'system') return this.#systemDark ? 'dark' : 'light';
    return this.choice;
  }

  choose(choice: ThemeChoice): void {
    this.choice = choice;
    this.store.set('theme', choice);
  }

  close(): void {
    for (const stop of this.#stop) stop();
  }
}

/** Calls back with what a media query says, now and whenever that changes; gives what ends it. */
export function following(query: string, set: (yes: boolean) => void): () => void {
  const list = matchMedia(query);
  const update = () => set(list.matches);
  update();
  list.addEventListener('change', update);
  return () => list.removeEventListener('change', update);
}
