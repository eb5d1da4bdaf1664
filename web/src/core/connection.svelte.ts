/** Whether the server answers; asks again, ever more patiently, until it does. */
import { untrack } from 'svelte';
import { Problem } from './problem';

export class Connection {
  lost = $state(false);
  /** Goes up when a lost server is back: what failed is asked again. */
  epoch = $state(0);

  #timer: ReturnType<typeof setTimeout> | undefined;
  #wait = 1000;

  constructor(private readonly ping: () => Promise<unknown>) {}

  /** Looks at an error; one that says the server is gone starts the waiting. */
  notice(error: unknown): void {
    if (!(error instanceof Problem && error.isLost) || this.lost) return;
    this.lost = true;
    this.#wait = 1000;
    this.#later();
  }

  async retry(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.ping();
      this.lost = false;
      this.epoch += 1;
    } catch {
      this.#wait = Math.min(15_000, this.#wait * 1.6);
      this.#later();
    }
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #later(): void {
    this.#timer = setTimeout(() => void this.retry(), this.#wait);
  }
}

/** How many questions are on their way. */
export class Busy {
  count = $state(0);

  start(): () => void {
    // Often called inside an effect, which is not to wait for it.
    untrack(() => (this.count += 1));
    let open = true;
    return () => {
      if (open) untrack(() => (this.count -= 1));
      open = false;
    };
  }
}
