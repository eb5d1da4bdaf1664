/** A matrix as a bitmap, one pixel for each cell, made once; panning and zooming only copy it. */
import { cellIndex, hasOddCodes, type Frame } from '../core/frames';

/** The code from 0 to 255 of every cell, -1 where a cell is masked. */
export type Codes = (row: number, column: number) => number;

/** Codes of a frame: its own for `u1`; for floats their place between the ends of `domain`. */
export function codesOf(
  frame: Frame,
  { plane = 0, domain = [0, 1] }: { plane?: number; domain?: readonly [number, number] } = {},
): Codes {
  const { header, data } = frame;
  if (header.dtype === 'u1') {
    const none = hasOddCodes(header) ? 0 : -1;
    return (row, column) => {
      const index = cellIndex(header, row, column, plane);
      const code = index < 0 ? -1 : (data[index] ?? -1);
      return code === none ? -1 : code;
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

/** The same of a dense frame of floats, without a call for each of a million cells. */
export function floatPixels(
  { header, data }: Frame,
  table: Uint32Array,
  { plane = 0, domain = [0, 1], masked }: FloatOptions = {},
): Uint32Array<ArrayBuffer> {
  const [rows, columns] = [header.shape.at(-2) ?? 1, header.shape.at(-1) ?? 0];
  const [low, first] = [domain[0], plane * rows * columns];
  const factor = 255 / (domain[1] - low);
  const out = new Uint32Array(rows * columns);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++, at++) {
      const code = (data[first + at]! - low) * factor;
      // NaN is no code, and fails this.
      if (!(code >= -Infinity) || masked?.(row, column)) continue;
      out[at] = table[code <= 0 ? 0 : code >= 255 ? 255 : (code + 0.5) | 0]!;
    }
  }
  return out;
}

/** The same of bytes: a square or its lower triangle. */
export function bytePixels(
  { header, data }: Frame,
  table: Uint32Array,
  { plane = 0, masked }: FloatOptions = {},
): Uint32Array<ArrayBuffer> {
  const [rows, columns] = [header.shape.at(-2) ?? 1, header.shape.at(-1) ?? 0];
  const isTriangle = header.layout === 'tri';
  const none = hasOddCodes(header) ? 0 : -1;
  const out = new Uint32Array(rows * columns);
  let from = plane * (isTriangle ? (rows * (rows + 1)) / 2 : rows * columns);
  for (let row = 0; row < rows; row++) {
    const width = isTriangle ? row + 1 : columns;
    for (let column = 0, at = row * columns; column < width; column++, at++, from++) {
      const code = data[from]!;
      if (code !== none && !masked?.(row, column)) out[at] = table[code]!;
    }
  }
  return out;
}

export interface FloatOptions {
  plane?: number;
  domain?: readonly [number, number];
  masked?: ((row: number, column: number) => boolean) | undefined;
}

/** The pixels of one matrix of a frame, masked cells left out. */
export function matrixPixels(
  frame: Frame,
  [rows, columns]: readonly [number, number],
  table: Uint32Array,
  options: FloatOptions,
): Uint32Array<ArrayBuffer> {
  const { dtype, layout } = frame.header;
  if (dtype === 'u1') return bytePixels(frame, table, options);
  if (layout === 'dense') return floatPixels(frame, table, options);
  const all = codesOf(frame, options);
  const { masked } = options;
  const codes = (row: number, column: number) => (masked?.(row, column) ? -1 : all(row, column));
  return pixels(codes, rows, columns, table);
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
