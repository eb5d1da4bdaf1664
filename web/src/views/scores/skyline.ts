/** The scores of a whole vocabulary in as many columns as the screen has. */

export interface Column {
  /** Places on the axis that fall into the column: from, up to. */
  from: number;
  to: number;
  low: number;
  high: number;
  /** Whether any token of the column is kept. */
  kept: boolean;
}

/** Where a place lies on the axis, from 0 to 1. Ranks run on a log scale: the cut is near its start. */
export function along(place: number, n: number, ranked: boolean): number {
  return ranked ? Math.log1p(place) / Math.log1p(n) : place / n;
}

/** The place that lies there. */
export function placeAt(x: number, n: number, ranked: boolean): number {
  const place = ranked ? Math.expm1(x * Math.log1p(n)) : x * n;
  return Math.min(n - 1, Math.floor(place + 1e-9));
}

/** For each pixel the range of the scores in it; `at` gives the token of a place on the axis. */
export function columns(
  logits: Float64Array,
  share: Float64Array,
  at: (place: number) => number,
  { width, ranked }: { width: number; ranked: boolean },
): Column[] {
  const n = logits.length;
  const count = Math.max(1, ranked ? Math.floor(width) : Math.min(n, Math.floor(width)));
  return Array.from({ length: count }, (_, c) => {
    const from = placeAt(c / count, n, ranked);
    const end = c + 1 === count ? n : placeAt((c + 1) / count, n, ranked);
    const column: Column = {
      from,
      to: Math.max(end, from + 1),
      low: Infinity,
      high: -Infinity,
      kept: false,
    };
    for (let place = from; place < column.to; place++) {
      const id = at(place);
      column.low = Math.min(column.low, logits[id]!);
      column.high = Math.max(column.high, logits[id]!);
      column.kept ||= share[id]! > 0;
    }
    return column;
  });
}

/** Where each token stands among the ranked: the inverse of the order. */
export function ranks(order: Uint32Array): Uint32Array {
  const out = new Uint32Array(order.length);
  order.forEach((id, place) => (out[id] = place));
  return out;
}
