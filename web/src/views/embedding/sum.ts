/** Two rows and what the model made of them. */

/** How many numbers of `sum` are the float32 sum of the other two, bit for bit. */
export function equalBits(
  token: ArrayLike<number>,
  position: ArrayLike<number>,
  sum: ArrayLike<number>,
): number {
  let equal = 0;
  for (let i = 0; i < sum.length; i++) {
    if (Object.is(Math.fround(token[i]! + position[i]!), sum[i])) equal++;
  }
  return equal;
}

export interface Cloud {
  /** x and y of every token, one after the other. */
  points: ArrayLike<number>;
  n: number;
}

export interface Fit {
  scale: number;
  dx: number;
  dy: number;
}

/** How wide and high the cloud is, and its middle. */
export function extentOf({ points, n }: Cloud): {
  size: [number, number];
  middle: [number, number];
} {
  const low: [number, number] = [Infinity, Infinity];
  const high: [number, number] = [-Infinity, -Infinity];
  for (let i = 0; i < 2 * n; i++) {
    const axis = i % 2 === 0 ? 0 : 1;
    low[axis] = Math.min(low[axis], points[i]!);
    high[axis] = Math.max(high[axis], points[i]!);
  }
  return {
    size: [high[0] - low[0] || 1, high[1] - low[1] || 1],
    middle: [(low[0] + high[0]) / 2, (low[1] + high[1]) / 2],
  };
}

/** The whole cloud in a drawing, one scale for both axes. */
export function fitCloud(cloud: Cloud, width: number, height: number, margin = 14): Fit {
  const { size, middle } = extentOf(cloud);
  const scale = Math.min((width - 2 * margin) / size[0], (height - 2 * margin) / size[1]);
  return { scale, dx: width / 2 - scale * middle[0], dy: height / 2 + scale * middle[1] };
}

/** Where a token stands in the drawing; up is positive. */
export function placeOf({ points }: Cloud, { scale, dx, dy }: Fit, id: number): [number, number] {
  return [dx + scale * points[2 * id]!, dy - scale * points[2 * id + 1]!];
}

/** The token nearest to a place of the drawing, if one is within `reach` pixels. */
export function nearestAt(cloud: Cloud, fit: Fit, at: [number, number], reach = 14): number | null {
  let [best, distance] = [-1, reach];
  for (let id = 0; id < cloud.n; id++) {
    const [px, py] = placeOf(cloud, fit, id);
    const d = Math.hypot(px - at[0], py - at[1]);
    if (d < distance) [best, distance] = [id, d];
  }
  return best < 0 ? null : best;
}
