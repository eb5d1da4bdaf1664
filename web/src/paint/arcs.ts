/** Which arcs are drawn: the strongest; the rest is said in words. */

export interface Point {
  x: number;
  y: number;
}

export interface Arc {
  from: Point;
  to: Point;
  weight: number;
  colour: string;
  /** What it joins, for who points at it. */
  key?: string;
}

export const MOST_ARCS = 300;

export interface Choice<T> {
  drawn: T[];
  /** How many are left out, and what they weigh together. */
  rest: number;
  restWeight: number;
}

export function strongest<T extends { weight: number }>(
  all: readonly T[],
  most = MOST_ARCS,
): Choice<T> {
  const sorted = [...all].sort((a, b) => b.weight - a.weight);
  const rest = sorted.slice(most);
  return {
    drawn: sorted.slice(0, most),
    rest: rest.length,
    restWeight: rest.reduce((sum, { weight }) => sum + weight, 0),
  };
}

/** Strong arcs stand out, and hundreds of weak ones make no fog. */
export function opacity(weight: number): number {
  return 0.05 + 0.85 * Math.sqrt(Math.min(1, weight));
}

/** An arc as a curve, at most `highest` above its ends: upwards between points of one line, sideways between points of one column. */
export function curve({ from, to }: Arc, highest = 120): [Point, Point] {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (Math.abs(dx) >= Math.abs(dy)) {
    const lift = Math.min(highest / 0.75, 14 + Math.abs(dx) * 0.45);
    return [
      { x: from.x + dx * 0.1, y: Math.min(from.y, to.y) - lift },
      { x: to.x - dx * 0.1, y: Math.min(from.y, to.y) - lift },
    ];
  }
  return [
    { x: from.x + dx / 2, y: from.y },
    { x: from.x + dx / 2, y: to.y },
  ];
}
