// @vitest-environment happy-dom
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { Player, type Piece } from './player.svelte';
import type { Note } from './score';

const note = (pitch: number, start: number, on: number): Note => ({
  pitch,
  start,
  end: start + 0.4,
  velocity: 80,
  on,
  off: null,
});

class Deaf {
  readonly heard: [pitch: number, delay: number, seconds: number][] = [];
  silences = 0;
  open() {
    return undefined;
  }
  close() {
    return undefined;
  }
  strike(pitch: number, _: number, { delay = 0, seconds = 0 } = {}) {
    this.heard.push([pitch, delay, seconds]);
  }
  silence() {
    this.silences += 1;
  }
}

describe('the play-head', () => {
  const notes = [note(60, 0, 1), note(64, 0.5, 4), note(67, 1, 7)];
  let [piece, sound]: [Piece, Deaf] = [
    { notes, seconds: 1.4, goesOn: false, still: false },
    new Deaf(),
  ];
  let player = new Player(() => piece, sound);

  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['requestAnimationFrame', 'cancelAnimationFrame', 'performance'] });
    piece = { notes, seconds: 1.4, goesOn: false, still: false };
    sound = new Deaf();
    player = new Player(() => piece, sound);
  });
  afterEach(() => vi.useRealTimers());

  it('strikes every note once, a little ahead of its time, and stops at the end', async () => {
    player.play();
    await vi.advanceTimersByTimeAsync(700);
    expect(player.event).toBe(4);
    await vi.advanceTimersByTimeAsync(2000);
    expect(sound.heard.map(([pitch]) => pitch)).toEqual([60, 64, 67]);
    expect(sound.heard.every(([, delay]) => delay > -0.05 && delay <= 0.2)).toBe(true);
    expect([player.playing, player.at]).toEqual([false, 1.4]);
    player.play();
    expect(player.at).toBe(0);
    player.close();
  });

  it('plays faster and from another place', async () => {
    player.setSpeed(2);
    player.seek(0.6);
    player.play();
    await vi.advanceTimersByTimeAsync(600);
    expect(sound.heard.map(([pitch]) => pitch)).toEqual([67]);
    expect(sound.heard[0]![2]).toBeCloseTo(0.2);
    expect(player.playing).toBe(false);
  });

  it('waits where more is being written', async () => {
    piece = { ...piece, goesOn: true };
    player.play();
    await vi.advanceTimersByTimeAsync(3000);
    expect([player.playing, player.at]).toEqual([true, 1.4]);
    piece = { ...piece, notes: [...notes, note(72, 1.4, 9)], seconds: 2, goesOn: false };
    await vi.advanceTimersByTimeAsync(1500);
    expect(sound.heard.at(-1)![0]).toBe(72);
    expect([player.playing, player.at]).toEqual([false, 2]);
  });

  it('may be mute, and jumps where motion is not wanted', async () => {
    piece = { ...piece, still: true };
    player.mute(true);
    player.play();
    const seen = new Set<number>();
    for (let i = 0; i < 80; i++) {
      await vi.advanceTimersByTimeAsync(16);
      seen.add(player.at);
    }
    expect([...seen]).toEqual([0, 0.5, 1]);
    expect(sound.heard).toEqual([]);
    player.pause();
    expect(player.playing).toBe(false);
  });
});
