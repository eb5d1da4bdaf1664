/** Walking a row of things of which Tab reaches one. */

/** Where a key leads from `at` in a row of `n`; null for keys that lead nowhere. */
export function rove(key: string, at: number, n: number): number | null {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: n - 1 }[key];
  return to === undefined ? null : Math.max(0, Math.min(n - 1, to));
}
