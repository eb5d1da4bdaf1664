/** Notices that a text has begun to say the same thing again and again. */

export interface Loop {
  /** Where the repeating begins. */
  start: number;
  /** Tokens in the phrase. */
  period: number;
  /** Whole times that the phrase stands there. */
  times: number;
}

/** How often a phrase of this length must stand in a row to be called a loop. */
export function timesNeeded(period: number): number {
  if (period === 1) return 4;
  return period < 8 ? 3 : 2;
}

/** The shortest phrase that the end of the text repeats; null where it does not. */
export function findLoop(ids: readonly number[]): Loop | null {
  const n = ids.length;
  for (let period = 1; 2 * period <= n; period++) {
    let start = n - period;
    while (start > 0 && ids[start - 1] === ids[start - 1 + period]) start--;
    const times = Math.floor((n - start) / period);
    if (times >= timesNeeded(period)) return { start: n - times * period, period, times };
  }
  return null;
}
