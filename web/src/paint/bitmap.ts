/** A matrix as a bitmap, one pixel for each cell, made once; panning and zooming only copy it. */
import { cellIndex, type Frame } from '../core/frames';

/** The code from 0 to 255 of every cell, -1 where a cell is masked. */
export type Codes = (row: number, column: number) => number;

/** Codes of a frame: its own for `u1`; for floats their place between the ends of `domain`. */
export function codesOf(
  frame: Frame,
  { plane = 0, domain = [0, 1] }: { plane?: number; domain?: readonly [number, number] } = {},
): Codes {
  const { header, data } = frame;
  if (header.dtype === 'u1') {
    return (row, column) => {
      const index = cellIndex(header, row, column, plane);
      return index < 0 ? -1 : (data[index] ?? -1);
    };
  }
  const [low, high] = domain;
  return (row, column) => {
    const index = cellIndex(header, row, column, plane);
    const value = index < 0 ? NaN : (data[index] ?? NaN);
    if (Number.isNaN(value)) return -1;
    return Math.round(255 * Math.min(1, Math.max(0, (value - low) / (high - low))));
  };
}

/** Pixels of rows x columns; masked cells stay transparent, so that a hatch shows through. */
export function pixels(
  codes: Codes,
  rows: number,
  columns: number,
  table: Uint32Array,
): Uint32Array<ArrayBuffer> {
  const out = new Uint32Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const code = codes(row, column);
      if (code >= 0) out[at] = table[code]!;
    }
  }
  return out;
}

/** The pixels as something that `drawImage` takes. */
export function bitmap(all: Uint32Array<ArrayBuffer>, columns: number): HTMLCanvasElement {
  const rows = all.length / columns;
  const canvas = document.createElement('canvas');
  canvas.width = columns;
  canvas.height = rows;
  const image = new ImageData(new Uint8ClampedArray(all.buffer), columns, rows);
  canvas.getContext('2d')?.putImageData(image, 0, 0);
  return canvas;
}
