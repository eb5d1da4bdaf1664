/** Score against number of examples, as it is drawn: the axis is logarithmic, so 0 stands apart. */
import type { Experiment } from '../../api/types';
import type { Point } from '../training/curves';

type Curve = Experiment['curves'][number];

export interface Drawn {
  name: string;
  points: Point[];
  /** What it scores with no example at all. */
  atZero: Curve['points'][number] | null;
}

export function curvesOf(curves: readonly Curve[]): Drawn[] {
  return curves.map(({ name, points }) => ({
    name,
    points: points
      .filter(({ examples }) => examples > 0)
      .map(({ examples, score, low, high }) => ({ x: examples, y: score, low, high })),
    atZero: points.find(({ examples }) => examples === 0) ?? null,
  }));
}

/** All numbers of examples that any curve has a score for, fewest first. */
export function examplesOf(curves: readonly Curve[]): number[] {
  const all = curves.flatMap(({ points }) => points.map(({ examples }) => examples));
  return [...new Set(all)].sort((a, b) => a - b);
}
