/** A row of attention weights as it is read aloud: "54% to robot, 30% to a, and 16% to 9 others". */

export interface Share {
  k: number;
  weight: number;
}

export interface Reading {
  shown: Share[];
  /** How many tokens are not named, and what they have together. */
  others: number;
  rest: number;
}

/** The strongest shares of a row; those under `least` are not worth a word. */
export function reading(row: ArrayLike<number>, most = 3, least = 0.01): Reading {
  const sorted = Array.from({ length: row.length }, (_, k) => ({ k, weight: row[k]! })).sort(
    (a, b) => b.weight - a.weight,
  );
  const named = sorted.filter(({ weight }, i) => i === 0 || (i < most && weight >= least));
  return {
    shown: named,
    others: sorted.length - named.length,
    rest: sorted.slice(named.length).reduce((sum, { weight }) => sum + weight, 0),
  };
}
