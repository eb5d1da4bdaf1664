/** Time of an animation: t from 0 to 1, played, scrubbed or stepped; nothing runs while it rests. */

export class Clock {
  t = $state(1);
  playing = $state(false);
  /** Seconds from 0 to 1 at speed 1. */
  duration = $state(2);
  speed = $state(1);
  /** Jumps to the end instead of moving. */
  still = $state(false);
  /** Called when t reaches 1 while playing; true goes on from 0. */
  onEnd: (() => boolean | Promise<boolean>) | null = null;

  #frame = 0;
  #last = 0;

  play(): void {
    if (this.playing) return;
    this.playing = true;
    if (this.t >= 1) this.t = 0;
    this.#last = performance.now();
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  pause(): void {
    this.playing = false;
    cancelAnimationFrame(this.#frame);
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  scrub(t: number): void {
    this.pause();
    this.t = Math.min(1, Math.max(0, t));
  }

  /** To the next or the last of `n` equal stops. */
  step(by: 1 | -1, n: number): void {
    this.scrub((Math.round(this.t * n) + by) / n);
  }

  /** From the beginning, once. */
  restart(): void {
    this.t = this.still ? 1 : 0;
    if (!this.playing && !this.still) this.play();
  }

  #tick(now: number): void {
    const elapsed = Math.min(0.1, (now - this.#last) / 1000);
    this.#last = now;
    this.t = this.still ? 1 : Math.min(1, this.t + (elapsed * this.speed) / this.duration);
    if (this.t < 1) this.#again();
    else void this.#ended();
  }

  #again(): void {
    if (this.playing) this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  async #ended(): Promise<void> {
    const goesOn = await this.onEnd?.();
    if (!goesOn || !this.playing) {
      this.playing = false;
      return;
    }
    this.t = 0;
    this.#last = performance.now();
    this.#again();
  }
}

/** Slow at both ends. */
export function eased(t: number): number {
  return t < 0.5 ? 4 * t ** 3 : 1 - (2 - 2 * t) ** 3 / 2;
}

/** How far a part of the whole has come: 0 before `from`, 1 after `to`. */
export function part(t: number, from: number, to: number): number {
  return Math.min(1, Math.max(0, (t - from) / (to - from)));
}
