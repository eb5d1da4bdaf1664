/** Masks and dtypes of the laboratory, and what its frames say. */
import type { Frame } from '../../core/frames';
import { score } from '../../core/numbers';

export const MASKS = ['-inf', '-1e9', '-1e10', 'min', 'none'] as const;
export const DTYPES = ['f4', 'f2'] as const;
export type MaskName = (typeof MASKS)[number];
export type Dtype = (typeof DTYPES)[number];
export const SHOWN = ['qk', 'scaled', 'masked', 'pattern'] as const;
export type Stage = (typeof SHOWN)[number];
/** Pixels of the page that a matrix may be high. */
export const TALLEST = 360;

/** One name for mask and dtype: what `[` and `]` step through, and what a link keeps. */
export const STAGES: readonly string[] = DTYPES.flatMap((dtype) =>
  MASKS.map((mask) => stageOf(mask, dtype)),
);

export function stageOf(mask: MaskName, dtype: Dtype): string {
  return dtype === 'f4' ? mask : `${mask}_f2`;
}

export function choiceOf(stage: string): { mask: MaskName; dtype: Dtype } {
  const [name, kind] = stage.split('_');
  return {
    mask: MASKS.find((mask) => mask === name) ?? '-inf',
    dtype: kind === 'f2' ? 'f2' : 'f4',
  };
}

/** The most numbers of one stage that are asked for at once. */
const MOST = 1 << 20;

/** All rows of the text, or those around `q` where all would be too many. */
export function rowsAround(q: number, n: number): string | undefined {
  if (n * n <= MOST) return undefined;
  const height = Math.max(1, Math.floor(MOST / n));
  const start = Math.max(0, Math.min(n - height, q - Math.floor(height / 2)));
  return `${start}:${start + height}`;
}

export interface Odd {
  nan: number;
  posinf: number;
  neginf: number;
}

export interface Checks {
  /** The sum of a row that is farthest from 1; NaN if one is not a number. */
  farthest: number;
  /** Cells that the future has. */
  hidden: number;
  /** How many of them have a probability that is not exactly 0. */
  leaking: number;
}

/** An answer: all rows as codes for pixels, or some as numbers. */
export interface Lab {
  frames: Record<Stage, Frame>;
  odd: Record<Stage, Odd>;
  /** What a mask promises: rows sum to 1, and the future has exactly nothing. */
  checks: Checks;
  /** Softmax of a row in which all is hidden; null without a mask. */
  lost: Float32Array | null;
  /** What the mask writes, as the dtype holds it; null without a mask. */
  value: number | null;
  /** The first row. */
  start: number;
}

export function readLab(frames: readonly Frame[]): Lab {
  const named = (name: string) => frames.find(({ header }) => header.name === name);
  const all = Object.fromEntries(SHOWN.map((name) => [name, named(name)!])) as Lab['frames'];
  const header = all.qk.header;
  const odd = Object.fromEntries(
    SHOWN.map((name) => {
      const { nan, posinf, neginf } = all[name].header as unknown as Odd;
      return [name, { nan, posinf, neginf }];
    }),
  ) as Lab['odd'];
  const value = header.mask_value as string | null;
  return {
    frames: all,
    odd,
    checks: {
      farthest: asNumber(header.farthest as string),
      hidden: header.future as number,
      leaking: header.leaking as number,
    },
    lost: (named('lost')?.data as Float32Array | undefined) ?? null,
    value: value === null ? null : asNumber(value),
    start: header.start as number,
  };
}

/** Python writes infinity its own way. */
export function asNumber(text: string): number {
  return text === '-inf' ? -Infinity : text === 'inf' ? Infinity : Number(text);
}

/** The magnitude at the end of the colours. */
export function extentOf({ header }: Frame): number {
  return typeof header.scale === 'number' ? header.scale : 1;
}

/** How many exact rows are asked for at once, and in which steps they move. */
const [ROWS, STEP] = [32, 8];

/** Rows around `q`: as many as a closer look or the table has room for, on both sides of it. */
export function spanOf(q: number, n: number): { start: number; end: number } {
  const before = STEP * Math.floor(q / STEP) - (ROWS - STEP) / 2;
  const start = Math.max(0, Math.min(n - ROWS, before));
  return { start, end: Math.min(n, start + ROWS) };
}

/** Exact numbers of one position; null where its row is not among those that came. */
export function exactRow(lab: Lab | null, stage: Stage, position: number): Float32Array | null {
  if (!lab) return null;
  const { header, data } = lab.frames[stage];
  const row = position - lab.start;
  if (row < 0 || row >= header.shape[0]!) return null;
  const width = header.shape[1]!;
  return (data as Float32Array).subarray(row * width, (row + 1) * width);
}

/** A number in a cell: short enough for it. */
export function short(value: number): string {
  if (Math.abs(value) >= 1e5 && Number.isFinite(value)) {
    return value.toExponential(0).replace('e+', 'e').replace('-', '\u2212');
  }
  const size = Math.abs(value);
  return value === 0 ? '0' : score(value, size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
