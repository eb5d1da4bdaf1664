/**
 * Writes often asked for, seldom done: browsers refuse an address that changes with every frame, and
 * each change costs them more than a drawing. The first few are done at once, then one for each wait.
 */
export class Sparing {
  /** What is not written yet. */
  waiting: string | null = null;
  #left: number;
  #last = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly put: (text: string) => void,
    /** Done at once, and milliseconds until another one is. */
    private readonly limits: { burst: number; wait: number },
  ) {
    this.#left = limits.burst;
  }

  write(text: string): void {
    const { burst, wait } = this.limits;
    const rested = Math.floor((Date.now() - this.#last) / wait);
    this.#left = Math.min(burst, this.#left + Math.max(0, rested));
    this.waiting = text;
    if (this.#left > 0) this.flush();
    else this.#timer ??= setTimeout(() => this.flush(), wait);
  }

  /** Writes at once what waits. */
  flush(): void {
    const { waiting } = this;
    this.drop();
    if (waiting === null) return;
    this.#left = Math.max(0, this.#left - 1);
    this.#last = Date.now();
    this.put(waiting);
  }

  /** Forgets what waits. */
  drop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.waiting = null;
  }
}
