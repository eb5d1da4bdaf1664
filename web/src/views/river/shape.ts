/** The river as a drawing: widths are lengths, and a part flows in at its real angle. */
import type { RiverStep } from '../../api/types';

export interface Inflow {
  part: string;
  /** Where it comes from, and where it meets the stream. */
  from: [number, number];
  to: [number, number];
  width: number;
}

export interface Shape {
  /** The outline of the stream. */
  stream: string;
  inflows: Inflow[];
  height: number;
  /** The middle of each row, bottom first. */
  levels: number[];
}

const WIDEST = 96;

export function isAttention(part: string): boolean {
  return part.endsWith('attn_out');
}

/** Page pixels for one unit of length: the widest of all still fits its row and the drawing. */
export function scaleOf(steps: readonly RiverStep[], width: number, row: number): number {
  const longest = Math.max(1e-30, ...steps.map(({ norm }) => norm));
  const part = Math.max(1e-30, ...steps.slice(1).map(({ part_norm }) => part_norm));
  return Math.min(Math.min(WIDEST, width / 3) / longest, (1.5 * row) / part);
}

export function shape(steps: readonly RiverStep[], width: number, row: number): Shape {
  const scale = scaleOf(steps, width, row);
  const height = steps.length * row;
  const middle = width / 2;
  const half = steps.map(({ norm }) => Math.max(0.75, (scale * norm) / 2));
  const levels = steps.map((_, i) => height - (i + 0.5) * row);
  const reach = Math.min(middle - Math.max(...half) - 4, Math.max(24, row * 1.5));
  return {
    stream: outline(half, { middle, height, row }),
    inflows: steps.slice(1).map((step, i) => {
      const side = isAttention(step.part) || step.part === 'wpe' ? -1 : 1;
      const angle = Math.acos(Math.min(1, Math.max(-1, step.part_cosine ?? 0)));
      const to: [number, number] = [middle + side * half[i]! * 0.6, levels[i + 1]!];
      return {
        part: step.part,
        to,
        from: [
          to[0] + side * (half[i]! * 0.4 + reach * Math.sin(angle)),
          to[1] + reach * Math.cos(angle),
        ],
        width: Math.max(1, scale * step.part_norm),
      };
    }),
    height,
    levels,
  };
}

/** Up the left bank and down the right; the width changes within the row of the part that joins. */
function outline(
  half: readonly number[],
  { middle, height, row }: { middle: number; height: number; row: number },
): string {
  const bank = (side: 1 | -1) =>
    half.map((to, i) => {
      const from = half[Math.max(0, i - 1)]!;
      const [low, high] = [height - i * row, height - (i + 1) * row];
      const centre = (low + high) / 2;
      return { low, high, centre, from: middle + side * from, to: middle + side * to };
    });
  const up = bank(-1).map(
    ({ high, centre, from, to }) => `C${from} ${centre} ${to} ${centre} ${to} ${high}`,
  );
  const down = bank(1)
    .reverse()
    .map(({ low, centre, from, to }) => `C${to} ${centre} ${from} ${centre} ${from} ${low}`);
  const last = half.at(-1)!;
  return `M${middle - half[0]!} ${height}${up.join('')}L${middle + last} 0${down.join('')}Z`;
}
