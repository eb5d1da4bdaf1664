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
  const named: Share[] = [];
  let all = 0;
  for (let k = 0; k < row.length; k++) {
    const weight = row[k]!;
    all += weight;
    if (named.length === most && weight <= named[most - 1]!.weight) continue;
    const before = named.findIndex((one) => weight > one.weight);
    named.splice(before < 0 ? named.length : before, 0, { k, weight });
    named.length = Math.min(named.length, most);
  }
  const shown = named.filter(({ weight }, i) => i === 0 || weight >= least);
  const others = row.length - shown.length;
  const rest = shown.reduce((sum, { weight }) => sum - weight, all);
  return { shown, others, rest: others > 0 ? Math.max(0, rest) : 0 };
}
