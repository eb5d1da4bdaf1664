import { describe, expect, it } from 'vitest';
import { equalBits, fitCloud, nearestAt, placeOf } from './sum';

describe('the sum', () => {
  const [a, b] = [Float32Array.from([0.1, 1, -2]), Float32Array.from([0.2, 1e-9, 2])];

  it('is compared bit for bit in float32', () => {
    const sum = a.map((value, i) => value + b[i]!);
    expect(equalBits(a, b, sum)).toBe(3);
    expect(equalBits(a, b, [0.1 + 0.2, 1, 0])).toBe(2);
    expect(equalBits(a, b, [sum[0]!, 1.0000001192092896, 0])).toBe(2);
  });
});

describe('the map', () => {
  const cloud = { points: [-1, -1, 3, 1, 0, 0], n: 3 };
  const fit = fitCloud(cloud, 200, 100, 10);

  it('holds all tokens on one scale, up being positive', () => {
    const places = [0, 1, 2].map((id) => placeOf(cloud, fit, id));
    for (const [px, py] of places) {
      expect(px >= 9.99 && px <= 190.01 && py >= 9.99 && py <= 90.01).toBe(true);
    }
    expect(places[0]![1]).toBeGreaterThan(places[1]![1]);
    expect((places[1]![0] - places[0]![0]) / (places[0]![1] - places[1]![1])).toBeCloseTo(2);
  });

  it('finds the token under the pointer, and none in the void', () => {
    const [px, py] = placeOf(cloud, fit, 2);
    expect(nearestAt(cloud, fit, [px + 3, py - 3])).toBe(2);
    expect(nearestAt(cloud, fit, [195, 95])).toBeNull();
  });
});
