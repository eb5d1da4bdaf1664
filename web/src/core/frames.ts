/**
 * CUT1 frames: a tensor slice as bytes, read in place.
 *
 * `CUT1`, the length of a JSON header as u32, the header padded to a multiple of 8, the payload.
 */
import { halfToSingle } from './half';

export interface FrameHeader {
  name: string;
  shape: number[];
  dtype: 'u1' | 'f2' | 'f4';
  layout: 'dense' | 'tri';
  /** Those with `odd` have codes for what is no number: 0 is NaN, 1 and 255 of signed ones are ∞. */
  code: 'linear' | 'sqrt' | 'signed' | 'sqrt_odd' | 'signed_odd';
  /** Of `signed`: the largest magnitude of each row; of `signed_odd` that of all. */
  scale?: number[] | number | null;
  run?: string | null;
  model?: string | null;
  [more: string]: unknown;
}

export interface Frame {
  header: FrameHeader;
  /** The payload as it came: codes for `u1`, values for `f2` and `f4`. */
  data: Uint8Array | Float32Array;
}

const MAGIC = 0x31545543; // "CUT1", little-endian

export class FrameError extends Error {}

/** All frames of an answer, one after the other. */
export function decodeFrames(buffer: ArrayBuffer): Frame[] {
  const frames: Frame[] = [];
  for (let at = 0; at < buffer.byteLength;) {
    const { frame, end } = decodeAt(buffer, at);
    frames.push(frame);
    at = end;
  }
  return frames;
}

export function decodeFrame(buffer: ArrayBuffer): Frame {
  return decodeAt(buffer, 0).frame;
}

function decodeAt(buffer: ArrayBuffer, at: number): { frame: Frame; end: number } {
  const view = new DataView(buffer);
  if (buffer.byteLength < at + 8 || view.getUint32(at, true) !== MAGIC) {
    throw new FrameError('This is no CUT1 frame.');
  }
  const start = at + 8 + view.getUint32(at + 4, true);
  if (start > buffer.byteLength) throw new FrameError('The header of a frame is cut short.');
  const header = readHeader(new Uint8Array(buffer, at + 8, start - at - 8));
  const count = elements(header);
  const size = count * { u1: 1, f2: 2, f4: 4 }[header.dtype];
  if (start + size > buffer.byteLength)
    throw new FrameError('The payload of a frame is cut short.');
  // Frames after the first begin at a multiple of 8 too.
  const end = Math.min(buffer.byteLength, at + Math.ceil((start - at + size) / 8) * 8);
  return { frame: { header, data: payload(buffer, start, count, header.dtype) }, end };
}

function readHeader(bytes: Uint8Array): FrameHeader {
  return JSON.parse(new TextDecoder().decode(bytes)) as FrameHeader;
}

/** How many numbers the payload holds. */
export function elements(header: FrameHeader): number {
  const all = header.shape.reduce((product, n) => product * n, 1);
  if (header.layout === 'dense') return all;
  const n = header.shape.at(-1) ?? 0;
  return n === 0 ? 0 : (all / (n * n)) * ((n * (n + 1)) / 2);
}

function payload(buffer: ArrayBuffer, start: number, count: number, dtype: string) {
  if (dtype === 'u1') return new Uint8Array(buffer, start, count);
  if (dtype === 'f2') return halfToSingle(aligned(buffer, start, count, Uint16Array));
  return aligned(buffer, start, count, Float32Array);
}

/** A view on the buffer where its place allows one, a copy where not. */
function aligned<T>(
  buffer: ArrayBuffer,
  start: number,
  count: number,
  Kind: { new (buffer: ArrayBuffer, start?: number, count?: number): T; BYTES_PER_ELEMENT: number },
): T {
  const size = Kind.BYTES_PER_ELEMENT;
  if (start % size === 0) return new Kind(buffer, start, count);
  return new Kind(buffer.slice(start, start + count * size));
}

/** Where cell (row, column) of a square matrix lies in a frame; -1 above the diagonal of `tri`. */
export function cellIndex(header: FrameHeader, row: number, column: number, plane = 0): number {
  const columns = header.shape.at(-1) ?? 0;
  if (header.layout === 'tri') {
    if (column > row) return -1;
    return (plane * (columns * (columns + 1))) / 2 + (row * (row + 1)) / 2 + column;
  }
  const rows = header.shape.at(-2) ?? 1;
  return (plane * rows + row) * columns + column;
}

/** The value a pixel stands for. Only for drawing: printed numbers come from float32 answers. */
export function pixelValue(frame: Frame, index: number, row: number): number {
  const code = frame.data[index] ?? NaN;
  if (frame.header.dtype !== 'u1') return code;
  if (frame.header.code === 'sqrt') return (code / 255) ** 2;
  if (hasOddCodes(frame.header)) return oddValue(frame.header, code);
  const { scale } = frame.header;
  const top = Array.isArray(scale) ? (scale[row] ?? 1) : (scale ?? 1);
  return frame.header.code === 'signed' ? ((code - 128) / 127) * top : (code / 255) * top;
}

/** Whether code 0 says that there is no number. */
export function hasOddCodes({ code }: FrameHeader): boolean {
  return code === 'sqrt_odd' || code === 'signed_odd';
}

function oddValue({ code: kind, scale }: FrameHeader, code: number): number {
  if (code === 0) return NaN;
  if (kind === 'sqrt_odd') return ((code - 1) / 254) ** 2;
  if (code === 1 || code === 255) return code === 1 ? -Infinity : Infinity;
  return ((code - 128) / 125) * (typeof scale === 'number' ? scale : 1);
}
