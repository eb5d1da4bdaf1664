/** What is drawn of training runs, apart from how: which runs, scales, lines, and the twin's rows. */
import { scaleLinear, scaleLog, type ScaleContinuousNumeric } from 'd3-scale';
import type { Curves, Training } from '../../api/types';
import { packText, unpackText } from '../../core/texts';

export type Over = 'steps' | 'tokens' | 'time';
export const OVERS: readonly Over[] = ['steps', 'tokens', 'time'];
/** Kinds of lines: a colour and a dash for each, so that neither stands alone. */
export const LINES = [
  { ink: 'var(--value)', dash: 'none' },
  { ink: 'var(--key)', dash: '7 3' },
  { ink: 'var(--prob)', dash: '2 2' },
  { ink: 'var(--query)', dash: '9 2 2 2' },
  { ink: 'var(--warn)', dash: '4 2' },
  { ink: 'var(--residual)', dash: '5 2 1 2 1 2' },
] as const;
const FIRST = 4;

export interface Drawn {
  curves: Curves;
  /** Its colour and dash, which stay while others come and go. */
  kind: number;
}

/** The names of the runs that a link draws; by default the newest that have a step. */
export function chosen(kept: string | null, runs: readonly Training[]): string[] {
  const known = runs.map(({ name }) => name);
  if (kept === null)
    return runs
      .filter(({ step }) => step > 0)
      .slice(-FIRST)
      .map(nameOf);
  const wanted = new Set(unpackText(kept).split('\n'));
  return known.filter((name) => wanted.has(name));
}

const nameOf = ({ name }: Training) => name;

/** A choice as a link keeps it; an empty one is a choice, too. */
export function keptChoice(names: readonly string[]): string {
  return packText(names.join('\n')) ?? '-';
}

/** Each run's kind of line, by its place in the alphabet: who is newest changes all the time. */
export function kindOf(name: string, runs: readonly Training[]): number {
  const names = runs.map(nameOf).sort();
  return Math.max(0, names.indexOf(name)) % LINES.length;
}

export interface Point {
  x: number;
  y: number;
  low: number;
  high: number;
}

/** A scale that holds all values; a logarithmic one those above 0. */
export function scale(
  values: readonly number[],
  range: [number, number],
  isLog: boolean,
): ScaleContinuousNumeric<number, number> {
  const held = isLog ? values.filter((value) => value > 0) : values;
  let low = Infinity;
  let high = -Infinity;
  for (const value of held) [low, high] = [Math.min(low, value), Math.max(high, value)];
  if (low > high) [low, high] = [1, 2];
  if (low === high) [low, high] = isLog ? [low / 1.1, high * 1.1] : [low - 0.5, high + 0.5];
  return (isLog ? scaleLog() : scaleLinear()).domain([low, high]).range(range);
}

type Scale = (value: number) => number;

const isShown = (y: number) => Number.isFinite(y);

export function line(points: readonly Point[], across: Scale, up: Scale): string {
  const places = points.map(({ x, y }) => [across(x), up(y)] as const);
  const shown = places.filter(([x, y]) => isShown(x) && isShown(y));
  return shown.map(([x, y], i) => `${i ? 'L' : 'M'}${x.toFixed(1)} ${y.toFixed(1)}`).join('');
}

/** The area between the least and the most; nothing where they are one. */
export function band(points: readonly Point[], across: Scale, up: Scale): string {
  const shown = points.filter(({ x, low }) => isShown(across(x)) && isShown(up(low)));
  if (!shown.some(({ low, high }) => low < high)) return '';
  const there = shown.map(({ x, high }) => `${across(x).toFixed(1)} ${up(high).toFixed(1)}`);
  const back = shown.map(({ x, low }) => `${across(x).toFixed(1)} ${up(low).toFixed(1)}`);
  return `M${[...there, ...back.reverse()].join('L')}Z`;
}

/** Beside a logarithmic axis only 1, 2 and 5 times a power of ten are named. */
export function isRound(value: number): boolean {
  const first = Number(value.toExponential().split('e')[0]);
  return [1, 2, 5].some((n) => Math.abs(first - n) < 1e-9);
}

export interface Row {
  x: number;
  /** For each run training, then validation. */
  cells: (number | null)[];
}

/** All points as a table: a row for each place that any run has one at. */
export function rowsOf(drawn: readonly Drawn[]): Row[] {
  const columns = drawn.flatMap(({ curves }) => [curves.points, curves.valid]);
  const found = columns.map((points) => new Map(points.map(({ x, y }) => [x, y])));
  const places = [...new Set(columns.flat().map(({ x }) => x))].sort((a, b) => a - b);
  return places.map((x) => ({ x, cells: found.map((column) => column.get(x) ?? null) }));
}
