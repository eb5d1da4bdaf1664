import { describe, expect, it } from 'vitest';
import type { Frame } from '../core/frames';
import { curve, opacity, strongest } from './arcs';
import { bytePixels, codesOf, floatPixels, pixels } from './bitmap';
import { colourTable, mix, rgb } from './ink';
import { readableOn } from './matrix';
import { cellAt, clamp, fit, labelled, pan, zoom, type Extent } from './viewport';

const EXTENT: Extent = { columns: 1024, rows: 1024, width: 512, height: 512 };

describe('the viewport', () => {
  it('begins with the whole and never leaves it', () => {
    const whole = fit(EXTENT);
    expect(whole).toEqual({ x: 0, y: 0, scale: 0.5 });
    expect(clamp({ x: -5, y: 2000, scale: 0.1 }, EXTENT)).toEqual(whole);
    expect(pan(whole, EXTENT, 100, 100)).toEqual(whole);
  });

  it('holds the cell under the pointer while it zooms', () => {
    const before = cellAt(fit(EXTENT), EXTENT, 300, 200)!;
    const closer = zoom(fit(EXTENT), EXTENT, 16, 300, 200);
    expect(closer.scale).toBe(8);
    expect(cellAt(closer, EXTENT, 300, 200)).toEqual(before);
    expect(zoom(closer, EXTENT, 1 / 100, 300, 200)).toEqual(fit(EXTENT));
    expect(zoom(closer, EXTENT, 1e6, 0, 0).scale).toBe(64);
  });

  it('knows when the pointer is beside the matrix', () => {
    const wide = { ...EXTENT, width: 800 };
    expect(cellAt(fit(wide), wide, 700, 10)).toBeNull();
    expect(cellAt(fit(wide), wide, -1, 10)).toBeNull();
  });

  it('labels what there is room for', () => {
    expect(labelled(0, 20, 100, 50, 14)).toEqual([0, 1, 2, 3, 4]);
    expect(labelled(0, 0.5, 512, 1024, 14).slice(0, 3)).toEqual([0, 28, 56]);
    expect(labelled(10.5, 20, 60, 12, 14)).toEqual([10, 11]);
  });
});

describe('pixels', () => {
  const tri: Frame = {
    header: { name: 'p', shape: [1, 2, 2], dtype: 'u1', layout: 'tri', code: 'sqrt' },
    data: Uint8Array.of(255, 0, 128),
  };

  it('come from the codes as they are, and leave masked cells open', () => {
    const table = colourTable([rgb('#000'), rgb('#fff')]);
    expect([...pixels(codesOf(tri), 2, 2, table)]).toEqual([0xffffffff, 0, 0xff000000, 0xff808080]);
  });

  it('of floats lie between the ends of their domain', () => {
    const floats: Frame = {
      header: { name: 's', shape: [1, 4], dtype: 'f4', layout: 'dense', code: 'linear' },
      data: Float32Array.of(-9, 0, 2, NaN),
    };
    const codes = codesOf(floats, { domain: [-2, 2] });
    expect([0, 1, 2, 3].map((column) => codes(0, column))).toEqual([0, 128, 255, -1]);
  });

  it('mix their colours evenly', () => {
    expect(mix([rgb('#000000'), rgb('#102030')], 0.5)).toEqual([8, 16, 24]);
    expect(mix([rgb('#000'), rgb('#fff'), rgb('#000')], 2)).toEqual([0, 0, 0]);
  });
});

describe('arcs', () => {
  it('are the strongest, and the rest is counted', () => {
    const all = Array.from({ length: 400 }, (_, i) => ({ weight: i }));
    const { drawn, rest, restWeight } = strongest(all);
    expect([drawn.length, rest, restWeight]).toEqual([300, 100, (99 * 100) / 2]);
    expect(drawn[0]).toEqual({ weight: 399 });
  });
});

describe('a number on a colour', () => {
  it('is dark on light cells and light on dark ones', () => {
    const table = colourTable([rgb('#ffffff'), rgb('#d9cdf0'), rgb('#8e62c9'), rgb('#33105f')]);
    expect(readableOn(table[0]!)).toBe('#1d1c20');
    expect(readableOn(table[90]!)).toBe('#1d1c20');
    expect(readableOn(table[255]!)).toBe('#ffffff');
  });
});

describe('an arc', () => {
  const arc = (dx: number) => ({
    from: { x: 0, y: 200 },
    to: { x: dx, y: 200 },
    weight: 1,
    colour: '',
  });

  it('rises no higher than there is room', () => {
    for (const room of [48, 120]) {
      const [a] = curve(arc(2000), room);
      expect(200 - 0.75 * (200 - a.y)).toBeCloseTo(200 - room);
    }
    expect(curve(arc(10), 48)[0].y).toBeGreaterThan(150);
  });

  it('is fainter the weaker it is', () => {
    const all = [0, 0.001, 0.05, 0.5, 1].map(opacity);
    expect(all).toEqual([...all].sort((a, b) => a - b));
    expect(all[1]).toBeLessThan(0.1);
    expect(all.at(-1)).toBeCloseTo(0.9);
  });
});

describe('a frame of floats', () => {
  it('has the same pixels drawn at once as cell by cell', () => {
    const data = [NaN, -3, -2, -1.99, 0, 0.3, 2, 9, Infinity, -Infinity, 1, 1.004];
    const frame: Frame = {
      header: { name: 'a', shape: [2, 2, 3], dtype: 'f4', layout: 'dense', code: 'linear' },
      data: Float32Array.from(data),
    };
    const table = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
    const masked = (row: number, column: number) => column > row + 1;
    for (const plane of [0, 1]) {
      const all = codesOf(frame, { plane, domain: [-2, 2] });
      const slow = pixels((r, c) => (masked(r, c) ? -1 : all(r, c)), 2, 3, table);
      expect([...floatPixels(frame, table, { plane, domain: [-2, 2], masked })]).toEqual([...slow]);
    }
  });

  it('takes bytes of a square and of a triangle as one by one, and leaves out what is no number', () => {
    const table = Uint32Array.from({ length: 256 }, (_, i) => i + 1);
    for (const layout of ['dense', 'tri'] as const) {
      for (const code of ['sqrt', 'signed_odd'] as const) {
        const shape = [2, 3, 3];
        const header = { name: 'x', shape, dtype: 'u1' as const, layout, code };
        const data = Uint8Array.from({ length: layout === 'tri' ? 12 : 18 }, (_, i) => i % 7);
        const frame: Frame = { header, data };
        const masked = (row: number, column: number) => row === 2 && column === 1;
        for (const plane of [0, 1]) {
          const all = codesOf(frame, { plane });
          const slow = pixels((r, c) => (masked(r, c) ? -1 : all(r, c)), 3, 3, table);
          expect([...bytePixels(frame, table, { plane, masked })]).toEqual([...slow]);
        }
        expect(bytePixels(frame, table)[0]).toBe(code === 'sqrt' ? 1 : 0);
      }
    }
  });
});
