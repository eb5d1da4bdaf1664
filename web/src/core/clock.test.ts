// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Clock, part } from './clock.svelte';

describe('the clock', () => {
  beforeEach(() =>
    vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'performance'] }),
  );
  afterEach(() => vi.useRealTimers());

  it('runs from 0 to 1 and stops', async () => {
    const clock = new Clock();
    clock.play();
    await vi.advanceTimersByTimeAsync(1000);
    expect(clock.t).toBeGreaterThan(0.4);
    expect(clock.t).toBeLessThan(0.6);
    await vi.advanceTimersByTimeAsync(1500);
    expect([clock.t, clock.playing]).toEqual([1, false]);
  });

  it('begins anew as long as there is more to show', async () => {
    const clock = new Clock();
    let rounds = 0;
    clock.onEnd = () => ++rounds < 3;
    clock.play();
    await vi.advanceTimersByTimeAsync(7000);
    expect([rounds, clock.t, clock.playing]).toEqual([3, 1, false]);
  });

  it('jumps where motion is not wanted, and can be put anywhere', () => {
    const clock = new Clock();
    clock.still = true;
    clock.restart();
    expect(clock.t).toBe(1);
    clock.scrub(2);
    expect(clock.t).toBe(1);
    clock.step(-1, 4);
    expect(clock.t).toBe(0.75);
    expect(part(0.3, 0.2, 0.4)).toBeCloseTo(0.5);
  });
});
