/** Layer norm, worked out from the vector that went in. */

export interface Moments {
  mean: number;
  variance: number;
  min: number;
  max: number;
}

export function moments(x: ArrayLike<number>): Moments {
  let [sum, min, max] = [0, Infinity, -Infinity];
  for (let i = 0; i < x.length; i++) {
    sum += x[i]!;
    min = Math.min(min, x[i]!);
    max = Math.max(max, x[i]!);
  }
  const mean = sum / x.length;
  let square = 0;
  for (let i = 0; i < x.length; i++) square += (x[i]! - mean) ** 2;
  return { mean, variance: square / x.length, min, max };
}

export function normalised(
  x: ArrayLike<number>,
  { gain, bias, epsilon }: { gain: ArrayLike<number>; bias: ArrayLike<number>; epsilon: number },
): Float64Array {
  const { mean, variance } = moments(x);
  const scale = 1 / Math.sqrt(variance + epsilon);
  return Float64Array.from(
    { length: x.length },
    (_, i) => (x[i]! - mean) * scale * gain[i]! + bias[i]!,
  );
}

export function farthest(a: ArrayLike<number>, b: ArrayLike<number>): number {
  let most = 0;
  for (let i = 0; i < a.length; i++) most = Math.max(most, Math.abs(a[i]! - b[i]!));
  return most;
}

/** Bars of a histogram. */
export const BINS = 40;

/** How many values lie in each of `bins` equal parts between two ends; the last holds its end. */
export function histogram(x: ArrayLike<number>, low: number, high: number, bins: number): number[] {
  const counts = new Array<number>(bins).fill(0);
  const width = high - low || 1;
  for (let i = 0; i < x.length; i++) {
    const bin = Math.min(bins - 1, Math.max(0, Math.floor((bins * (x[i]! - low)) / width)));
    counts[bin]!++;
  }
  return counts;
}

export type Which = 'ln_1' | 'ln_2' | 'ln_f';

/** Where its input and output are tapped, and what its parameters are called. */
export function places(which: Which, layer: number, n_layer: number) {
  if (which === 'ln_f') {
    return { before: `h.${n_layer - 1}.resid_post`, after: 'ln_f', name: 'ln_f' };
  }
  const name = `h.${layer}.${which}`;
  const before = `h.${layer}.${which === 'ln_1' ? 'resid_pre' : 'resid_mid'}`;
  return { before, after: name, name };
}
