/** The events of a performance, as the names of a music model's tokens tell them. */
import type { TokenLike } from '../../core/tokens';

export type Kind = 'on' | 'off' | 'shift' | 'velocity';
/** `other` is what is no event: the end of the text. */
export type KindOrNone = Kind | 'other';

export const KINDS: readonly Kind[] = ['on', 'off', 'shift', 'velocity'];

export interface Event {
  kind: Kind;
  /** A pitch, a number of steps of time, or a bin of loudness. */
  value: number;
}

const NAMES: Readonly<Record<string, Kind>> = {
  NOTE_ON: 'on',
  NOTE_OFF: 'off',
  TIME_SHIFT: 'shift',
  SET_VELOCITY: 'velocity',
};

/** Seconds of one step of time. */
export const STEP = 0.01;

/** Null for a token that is none: the end of the text, or a word of another vocabulary. */
export function eventOf(text: string): Event | null {
  const found = /^(NOTE_ON|NOTE_OFF|TIME_SHIFT|SET_VELOCITY)_(\d{1,3})$/.exec(text.trim());
  return found ? { kind: NAMES[found[1]!]!, value: Number(found[2]) } : null;
}

/** What kind each token is of. */
export function kindsOf(tokens: readonly Pick<TokenLike, 'text'>[]): KindOrNone[] {
  return tokens.map(({ text }) => eventOf(text)?.kind ?? 'other');
}

/** A loudness from 1 to 127: the middle of its bin of four, bins from 1. */
export function velocityOf(bin: number): number {
  return 4 * (bin - 1) + 2;
}

const LETTERS = ['C', 'C♯', 'D', 'D♯', 'E', 'F', 'F♯', 'G', 'G♯', 'A', 'A♯', 'B'] as const;

/** Middle C, 60, is C4. */
export function pitchName(pitch: number): string {
  return `${LETTERS[pitch % 12]}${Math.floor(pitch / 12) - 1}`;
}

/** Whether a pitch is a black key. */
export function isBlack(pitch: number): boolean {
  return LETTERS[pitch % 12]!.length > 1;
}

export interface Block {
  kind: KindOrNone;
  /** Ids from `start` up to `end`. */
  start: number;
  end: number;
}

/** The blocks of a vocabulary in the order of its ids: neighbours of one kind. */
export function blocksOf(names: readonly string[]): Block[] {
  const blocks: Block[] = [];
  names.forEach((name, id) => {
    const kind = eventOf(name)?.kind ?? 'other';
    const last = blocks.at(-1);
    if (last?.kind === kind) last.end = id + 1;
    else blocks.push({ kind, start: id, end: id + 1 });
  });
  return blocks;
}
