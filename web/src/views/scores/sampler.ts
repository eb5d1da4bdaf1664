/**
 * The server's filters over a whole vocabulary, in the browser and in float64: temperature, then
 * top-k, then top-p, then the softmax of what is left, and the draw by the inverse of its running
 * sum. The rules of ties and edges are those of `cutaway.generation.filters` and `draw`.
 */

export interface Settings {
  /** 0: no draw, always the best. */
  temperature: number;
  /** 0: any number. */
  top_k: number;
  top_p: number;
}

export interface Cut {
  /** The probability of each token before any filter, at temperature 1. */
  full: Float64Array;
  /** What is drawn from: 0 for tokens that were cut. */
  share: Float64Array;
  /** Ids from the best to the worst; of equal ones the first. */
  order: Uint32Array;
  /** How many stay; they are the first of `order`. */
  kept: number;
  /** Their mass before the filters. */
  mass: number;
}

export function softmax(scores: Float64Array): Float64Array {
  let top = -Infinity;
  for (const score of scores) if (score > top) top = score;
  let sum = 0;
  const out = scores.map((score) => {
    const part = Math.exp(score - top);
    sum += part;
    return part;
  });
  for (let i = 0; i < out.length; i++) out[i]! /= sum;
  return out;
}

/** Ids from the highest score to the lowest; of equal ones the first comes first. */
export function ranked(logits: Float64Array): Uint32Array {
  const order = Uint32Array.from(logits, (_, id) => id);
  return order.sort((a, b) => logits[b]! - logits[a]! || a - b);
}

/** How many of the ranked tokens the filters leave. All that tie with the k-th stay. */
function survivors(scores: Float64Array, order: Uint32Array, { top_k, top_p }: Settings): number {
  let n = order.length;
  if (top_k > 0 && top_k < n) {
    const least = scores[order[top_k - 1]!]!;
    n = top_k;
    while (n < order.length && scores[order[n]!]! === least) n++;
  }
  if (top_p >= 1) return n;
  const left = softmax(Float64Array.from(order.subarray(0, n), (id) => scores[id]!));
  let before = 0;
  for (let i = 0; i < n; i++) {
    if (before >= top_p) return i;
    before += left[i]!;
  }
  return n;
}

export function cut(logits: Float64Array, order: Uint32Array, settings: Settings): Cut {
  const full = softmax(logits);
  const share = new Float64Array(logits.length);
  let kept = 1;
  if (settings.temperature === 0) share[order[0]!] = 1;
  else {
    // Counted from the best, so that a small temperature cannot overflow.
    const best = logits[order[0]!]!;
    const heated = logits.map((logit) => (logit - best) / settings.temperature);
    kept = survivors(heated, order, settings);
    const left = softmax(Float64Array.from(order.subarray(0, kept), (id) => heated[id]!));
    left.forEach((value, i) => (share[order[i]!] = value));
  }
  let mass = 0;
  for (let i = 0; i < kept; i++) mass += full[order[i]!]!;
  return { full, share, order, kept, mass };
}

export interface Drawn {
  id: number;
  low: number;
  high: number;
}

/** The token whose part of the running sum, in the order of ids, holds u. */
export function draw({ share }: Cut, u: number): Drawn {
  let total = 0;
  for (const value of share) total += value;
  const at = u * total;
  let reached = 0;
  let last = 0;
  for (let id = 0; id < share.length; id++) {
    const value = share[id]!;
    if (value === 0) continue;
    last = id;
    if (reached + value > at) return { id, low: reached / total, high: (reached + value) / total };
    reached += value;
  }
  return { id: last, low: (total - share[last]!) / total, high: 1 };
}

export interface Segment {
  /** -1: many tokens too thin to draw one by one. */
  id: number;
  low: number;
  high: number;
}

/** The running sum as a bar: kept tokens in the order of ids, thin neighbours joined. */
export function segments({ share }: Cut, thinnest: number): Segment[] {
  const out: Segment[] = [];
  let reached = 0;
  share.forEach((value, id) => {
    if (value === 0) return;
    const high = reached + value;
    const before = out.at(-1);
    if (value >= thinnest) out.push({ id, low: reached, high });
    else if (before?.id === -1) before.high = high;
    else out.push({ id: -1, low: reached, high });
    reached = high;
  });
  return out;
}
