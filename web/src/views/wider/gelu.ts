/** GELU in the tanh form that GPT-2 was trained with (Hendrycks and Gimpel 2016). */
export function gelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

/** The neuron whose value lies nearest; -1 where there is none. */
export function nearest(pre: ArrayLike<number>, wanted: number): number {
  let best = -1;
  for (let i = 0; i < pre.length; i++)
    if (best < 0 || Math.abs(pre[i]! - wanted) < Math.abs(pre[best]! - wanted)) best = i;
  return best;
}

/** The ends of the axis: all values, and zero. */
export function extent(pre: ArrayLike<number>): [number, number] {
  let [low, high] = [-1, 1];
  for (let i = 0; i < pre.length; i++) {
    low = Math.min(low, pre[i]!);
    high = Math.max(high, pre[i]!);
  }
  const room = 0.03 * (high - low);
  return [low - room, high + room];
}
