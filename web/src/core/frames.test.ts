import { describe, expect, it } from 'vitest';
import {
  cellIndex,
  decodeFrame,
  decodeFrames,
  elements,
  FrameError,
  pixelValue,
  type FrameHeader,
} from './frames';

const HEADER: FrameHeader = {
  name: 'x',
  shape: [2, 3],
  dtype: 'f4',
  layout: 'dense',
  code: 'linear',
};

function frame(header: Partial<FrameHeader>, payload: ArrayBufferView): ArrayBuffer {
  const full = { ...HEADER, ...header };
  let json = JSON.stringify(full);
  while ((8 + json.length) % 8 !== 0) json += ' ';
  const bytes = new Uint8Array(8 + json.length + payload.byteLength);
  bytes.set(new TextEncoder().encode('CUT1'));
  new DataView(bytes.buffer).setUint32(4, json.length, true);
  bytes.set(new TextEncoder().encode(json), 8);
  bytes.set(
    new Uint8Array(payload.buffer, payload.byteOffset, payload.byteLength),
    8 + json.length,
  );
  return bytes.buffer;
}

describe('decodeFrame', () => {
  it('reads float32 in place', () => {
    const buffer = frame({}, Float32Array.of(1, -2, 3.5, 0, 5, 6));
    const { header, data } = decodeFrame(buffer);
    expect([...data]).toEqual([1, -2, 3.5, 0, 5, 6]);
    expect(header.shape).toEqual([2, 3]);
    expect(data.buffer).toBe(buffer);
  });

  it('reads uint8 in place and float16 through the table', () => {
    const codes = decodeFrame(frame({ dtype: 'u1' }, Uint8Array.of(0, 1, 2, 253, 254, 255)));
    expect([...codes.data]).toEqual([0, 1, 2, 253, 254, 255]);
    const halves = Uint16Array.of(0x3c00, 0xc000, 0x3555, 0x0001, 0x7c00, 0x8000);
    const values = [...decodeFrame(frame({ dtype: 'f2' }, halves)).data];
    expect(values.slice(0, 2)).toEqual([1, -2]);
    expect(values[2]).toBeCloseTo(1 / 3, 3);
    expect(values[3]).toBe(2 ** -24);
    expect(values[4]).toBe(Infinity);
    expect(Object.is(values[5], -0)).toBe(true);
  });

  it('reads several frames, one after the other', () => {
    const one = frame({ name: 'a', shape: [1, 2], dtype: 'u1' }, Uint8Array.of(1, 2));
    const padded = new Uint8Array(Math.ceil(one.byteLength / 8) * 8);
    padded.set(new Uint8Array(one));
    const two = new Uint8Array(frame({ name: 'b', shape: [1, 2] }, Float32Array.of(3, 4)));
    const both = new Uint8Array(padded.length + two.length);
    both.set(padded);
    both.set(two, padded.length);
    expect(decodeFrames(both.buffer).map(({ header, data }) => [header.name, ...data])).toEqual([
      ['a', 1, 2],
      ['b', 3, 4],
    ]);
  });

  it('refuses what is cut or no frame', () => {
    const whole = frame({}, Float32Array.of(1, 2, 3, 4, 5, 6));
    expect(() => decodeFrame(whole.slice(0, whole.byteLength - 1))).toThrow(FrameError);
    expect(() => decodeFrame(whole.slice(0, 20))).toThrow(FrameError);
    expect(() => decodeFrame(new TextEncoder().encode('{"error": 1}').buffer)).toThrow(FrameError);
  });
});

describe('cells', () => {
  const tri: FrameHeader = {
    ...HEADER,
    shape: [2, 4, 4],
    dtype: 'u1',
    layout: 'tri',
    code: 'sqrt',
  };

  it('finds a cell of a triangle and knows what lies above it', () => {
    expect(elements(tri)).toBe(20);
    expect(cellIndex(tri, 0, 0)).toBe(0);
    expect(cellIndex(tri, 3, 1)).toBe(7);
    expect(cellIndex(tri, 3, 1, 1)).toBe(17);
    expect(cellIndex(tri, 1, 2)).toBe(-1);
    expect(cellIndex({ ...HEADER, shape: [2, 3] }, 1, 2)).toBe(5);
  });

  it('decodes what a pixel stands for', () => {
    const sqrt = { header: { ...tri, shape: [1, 2, 2] }, data: Uint8Array.of(255, 128, 0) };
    expect(pixelValue(sqrt, 0, 0)).toBe(1);
    expect(pixelValue(sqrt, 1, 1)).toBeCloseTo(0.252, 3);
    const header: FrameHeader = { ...HEADER, dtype: 'u1', code: 'signed', scale: [2, 4] };
    const signed = { header, data: Uint8Array.of(1, 128, 255) };
    expect(pixelValue(signed, 0, 0)).toBe(-2);
    expect(pixelValue(signed, 1, 0)).toBe(0);
    expect(pixelValue(signed, 2, 1)).toBe(4);
  });
});

describe('codes that tell what is no number', () => {
  const of = (code: FrameHeader['code'], scale: number | null, codes: number[]) => ({
    header: { ...HEADER, dtype: 'u1' as const, code, scale },
    data: Uint8Array.from(codes),
  });

  it('stand for numbers, NaN and both infinities', () => {
    const signed = of('signed_odd', 10, [0, 1, 255, 3, 128, 253]);
    const values = [...signed.data.keys()].map((i) => pixelValue(signed, i, 0));
    expect(values).toEqual([NaN, -Infinity, Infinity, -10, 0, 10]);
    const shares = of('sqrt_odd', null, [0, 1, 128, 255]);
    expect([0, 1, 2, 3].map((i) => pixelValue(shares, i, 0))).toEqual([NaN, 0, 0.25, 1]);
  });
});
