/** Which part of a matrix is seen, and how large: all in numbers, so that it can be tested. */

export interface Viewport {
  /** The cell, in fractions, at the top left corner. */
  x: number;
  y: number;
  /** Pixels of the page for each cell. */
  scale: number;
}

export interface Extent {
  columns: number;
  rows: number;
  /** Pixels of the page that the drawing has. */
  width: number;
  height: number;
}

export interface CellAt {
  row: number;
  column: number;
}

const LARGEST = 64;

/** The whole matrix, as large as it fits. */
export function fit({ columns, rows, width, height }: Extent): Viewport {
  return { x: 0, y: 0, scale: Math.min(width / columns, height / rows) };
}

/** Nothing beyond the edges, nothing smaller than the whole. */
export function clamp(view: Viewport, extent: Extent): Viewport {
  const scale = Math.min(
    Math.max(view.scale, fit(extent).scale),
    Math.max(LARGEST, fit(extent).scale),
  );
  const free = (cells: number, pixels: number) => Math.max(0, cells - pixels / scale);
  return {
    x: Math.min(free(extent.columns, extent.width), Math.max(0, view.x)),
    y: Math.min(free(extent.rows, extent.height), Math.max(0, view.y)),
    scale,
  };
}

/** Larger or smaller by a factor, while the cell under the pointer stays there. */
export function zoom(
  view: Viewport,
  extent: Extent,
  factor: number,
  px: number,
  py: number,
): Viewport {
  const { scale } = clamp({ ...view, scale: view.scale * factor }, extent);
  const hold = (start: number, at: number) => start + at / view.scale - at / scale;
  return clamp({ x: hold(view.x, px), y: hold(view.y, py), scale }, extent);
}

export function pan(view: Viewport, extent: Extent, dx: number, dy: number): Viewport {
  return clamp({ ...view, x: view.x - dx / view.scale, y: view.y - dy / view.scale }, extent);
}

export function cellAt(view: Viewport, extent: Extent, px: number, py: number): CellAt | null {
  const column = Math.floor(view.x + px / view.scale);
  const row = Math.floor(view.y + py / view.scale);
  const inside = column >= 0 && row >= 0 && column < extent.columns && row < extent.rows;
  return inside && px >= 0 && py >= 0 && px < extent.width && py < extent.height
    ? { row, column }
    : null;
}

/** The labels that fit beside the cells in view: each of them, or every so many. */
export function labelled(
  start: number,
  scale: number,
  pixels: number,
  n: number,
  room: number,
): number[] {
  const every = Math.max(1, Math.ceil(room / scale));
  const first = Math.ceil(Math.floor(start) / every) * every;
  const labels: number[] = [];
  for (let i = first; i < n && (i - start) * scale < pixels; i += every) labels.push(i);
  return labels;
}
