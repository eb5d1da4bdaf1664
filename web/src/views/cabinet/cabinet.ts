/** How the bars of a cabinet are drawn: first by match, then by share. */

/** How long a bar is, from 0 to 1: between the worst and the best match, turning into its share. */
export function barOf(
  k: number,
  { scores, weights }: { scores: Float32Array; weights: Float32Array },
  turned: number,
): number {
  const [worst, best] = [Math.min(...scores), Math.max(...scores)];
  const match = best > worst ? (scores[k]! - worst) / (best - worst) : 1;
  return match + turned * (weights[k]! - match);
}

/** Numbers in a row of a note: about as wide as it is high. */
export function foldOf(K: number): number {
  return Math.max(1, Math.ceil(Math.sqrt(K)));
}
