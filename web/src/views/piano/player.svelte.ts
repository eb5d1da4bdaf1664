/** The play-head: where it is, and which notes are due; it sounds, and it can be silent. */
import { beginning, struckAt, type Note } from './score';
import type { Sound } from './sound';

/** What is played, as it is at the moment; it may grow meanwhile. */
export interface Piece {
  notes: readonly Note[];
  seconds: number;
  /** More is being written: at the end it waits. */
  goesOn: boolean;
  /** The head jumps from note to note instead of gliding. */
  still: boolean;
}

/** Seconds that notes are given to the audio ahead of their time. */
const AHEAD = 0.2;

export class Player {
  playing = $state(false);
  /** Seconds from the beginning. */
  at = $state(0);
  speed = $state(1);
  muted = $state(false);

  #from = 0;
  #since = 0;
  #planned = 0;
  #frame = 0;

  constructor(
    private readonly piece: () => Piece,
    private readonly sound: Pick<Sound, 'open' | 'strike' | 'silence' | 'close'>,
  ) {}

  /** The event that began the note struck last; null before the first. */
  get event(): number | null {
    return struckAt(this.piece().notes, this.at);
  }

  play(): void {
    if (this.playing) return;
    const { seconds, goesOn } = this.piece();
    if (this.at >= seconds && !goesOn) this.at = 0;
    this.sound.open();
    this.playing = true;
    this.#begin();
    this.#again();
  }

  pause(): void {
    if (!this.playing) return;
    this.playing = false;
    cancelAnimationFrame(this.#frame);
    this.sound.silence();
  }

  toggle(): void {
    if (this.playing) this.pause();
    else this.play();
  }

  /** To another time, playing on if it played. */
  seek(time: number): void {
    this.at = Math.min(this.piece().seconds, Math.max(0, time));
    if (!this.playing) return;
    this.sound.silence();
    this.#begin();
  }

  setSpeed(speed: number): void {
    this.speed = speed;
    this.seek(this.at);
  }

  mute(muted: boolean): void {
    this.muted = muted;
    if (muted) this.sound.silence();
  }

  /** One note at once: what was chosen or added is heard. */
  sounds({ pitch, velocity }: Pick<Note, 'pitch' | 'velocity'>, seconds = 0.6): void {
    if (this.muted) return;
    this.sound.open();
    this.sound.strike(pitch, velocity, { seconds });
  }

  close(): void {
    this.pause();
    this.sound.close();
  }

  #begin(): void {
    this.#from = this.#planned = this.at;
    this.#since = performance.now();
  }

  #again(): void {
    this.#frame = requestAnimationFrame((now) => this.#tick(now));
  }

  #tick(now: number): void {
    const { notes, seconds, goesOn, still } = this.piece();
    const at = this.#from + Math.max(0, (now - this.#since) / 1000) * this.speed;
    this.#plan(notes, at);
    const end = Math.min(at, seconds);
    const shown = still ? (notes.findLast(({ start }) => start <= end)?.start ?? 0) : end;
    if (shown !== this.at) this.at = shown;
    if (at < seconds) this.#again();
    else if (goesOn) {
      this.at = seconds;
      this.#begin();
      this.#again();
    } else this.#end(seconds);
  }

  #end(seconds: number): void {
    this.at = seconds;
    this.playing = false; // what was struck rings on
  }

  /** Gives the audio what begins soon. */
  #plan(notes: readonly Note[], at: number): void {
    const to = at + AHEAD * this.speed;
    if (to <= this.#planned) return;
    const due = beginning(notes, this.#planned, to);
    this.#planned = to;
    if (this.muted) return;
    for (const { pitch, velocity, start, end } of due) {
      const [delay, seconds] = [(start - at) / this.speed, (end - start) / this.speed];
      this.sound.strike(pitch, velocity, { delay, seconds });
    }
  }
}
