/** How the output comes back to the input: settings in the address, the way it flies, who sees whom. */

/** How a token is chosen: the likeliest, or drawn with a seed. */
export type Choice = { greedy: true } | { greedy: false; seed: number };

const MOST_SEED = 2 ** 31 - 1;

export function choiceOf(stage: string): Choice {
  const seed = /^seed-(\d{1,10})$/.exec(stage)?.[1];
  if (seed === undefined) return { greedy: true };
  return { greedy: false, seed: Math.min(MOST_SEED, Number(seed)) };
}

export function stageOf(choice: Choice): string {
  return choice.greedy ? 'greedy' : `seed-${choice.seed}`;
}

/** What the server is asked for; all else is as generation has it by default. */
export function query(choice: Choice): { temperature?: number; seed?: number } {
  return choice.greedy ? { temperature: 0 } : { seed: choice.seed };
}

export interface Point {
  x: number;
  y: number;
}

export interface Ring {
  column: number;
  /** Tokens drawn, the newest last, and the place of the one to come. */
  tracks: { i: number; x: number }[];
  to: Point;
  from: Point;
  top: number;
  box: { x: number; y: number; width: number; height: number };
  ground: number;
  height: number;
}

/** Tokens below, the model above them, the output on top of the newest one. */
export function ring(width: number, current: number, layers: number): Ring {
  const column = width < 500 ? 58 : 84;
  const room = Math.max(1, Math.floor((width - 16) / column) - 2);
  const first = Math.max(0, current - room + 1);
  const n = current - first + 1;
  const left = Math.max(8, (width - (n + 2) * column) / 2);
  const tracks = Array.from({ length: n }, (_, c) => ({
    i: first + c,
    x: left + (c + 0.5) * column,
  }));
  const top = 62;
  const height = Math.max(60, Math.min(150, 14 * layers + 12));
  const ground = top + height + 56;
  const last = tracks.at(-1)!.x;
  return {
    column,
    tracks,
    from: { x: last, y: 28 },
    to: { x: last + column, y: ground },
    top,
    box: { x: left, y: top, width: n * column, height },
    ground,
    height: ground + 52,
  };
}

/** The two handles of the way back: out over the right edge, down and in from there. */
export function handles({ from, to, column }: Ring): [Point, Point] {
  const x = to.x + 0.75 * column;
  return [
    { x, y: from.y - 12 },
    { x, y: to.y - 8 },
  ];
}

export function way(ring: Ring): string {
  const [a, b] = handles(ring);
  return `M${ring.from.x} ${ring.from.y}C${a.x} ${a.y} ${b.x} ${b.y} ${ring.to.x} ${ring.to.y}`;
}

/** Where the token is when it has come a share of its way. */
export function onWay(ring: Ring, t: number): Point {
  const [a, b] = handles(ring);
  const at = (p: number, q: number, r: number, s: number) =>
    (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * q + 3 * (1 - t) * t ** 2 * r + t ** 3 * s;
  return {
    x: at(ring.from.x, a.x, b.x, ring.to.x),
    y: at(ring.from.y, a.y, b.y, ring.to.y),
  };
}

/** Whether a position sees another: its past and itself, or all of the text. */
export function sees(q: number, k: number, both: boolean): boolean {
  return both || k <= q;
}

/** The positions of the last rows: at most `most`, ending with `current`. */
export function lastRows(current: number, most: number): number[] {
  const first = Math.max(0, current - most + 1);
  return Array.from({ length: current - first + 1 }, (_, i) => first + i);
}
