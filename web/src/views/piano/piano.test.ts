import { describe, expect, it } from 'vitest';
import { blocksOf, eventOf, isBlack, kindsOf, pitchName } from './events';
import { EXAMPLE, exampleText } from './example';
import { ghostsOf } from './ghosts';
import { alike, atMost, edgesOf, HABITS, peaks, rankHeads, sharesOf } from './looks';
import { bounds, clampSpan, follow, noteAt, timeStep, walk, whole, zoomed } from './roll';
import { beginning, lengthOf, readScore, struckAt } from './score';
import { tone } from './tone';

const tokens = (text: string) => text.split(' ').map((name, id) => ({ id, text: name, bytes: '' }));
// C4 alone, then E4 and G4 together, C4 struck again while it sounds.
const TEXT =
  'SET_VELOCITY_20 NOTE_ON_60 TIME_SHIFT_50 NOTE_ON_64 NOTE_ON_67 TIME_SHIFT_100 NOTE_OFF_64 ' +
  'SET_VELOCITY_32 NOTE_ON_60 TIME_SHIFT_10 NOTE_OFF_60 NOTE_OFF_61 <|endoftext|>';
const SCORE = readScore(tokens(TEXT));

describe('events', () => {
  it('are told by the names of tokens', () => {
    expect(eventOf('NOTE_ON_60')).toEqual({ kind: 'on', value: 60 });
    expect(eventOf(' TIME_SHIFT_100')).toEqual({ kind: 'shift', value: 100 });
    for (const name of ['<|endoftext|>', 'NOTE_ON', 'NOTE_ON_x', 'robot', 'ANOTE_ON_1'])
      expect(eventOf(name)).toBeNull();
  });

  it('stand in blocks, as the vocabulary has them', () => {
    expect(blocksOf(['NOTE_ON_0', 'NOTE_ON_1', 'TIME_SHIFT_1', '<|endoftext|>'])).toEqual([
      { kind: 'on', start: 0, end: 2 },
      { kind: 'shift', start: 2, end: 3 },
      { kind: 'other', start: 3, end: 4 },
    ]);
  });

  it('have pitches with names', () => {
    expect([60, 61, 69, 21, 108].map(pitchName)).toEqual(['C4', 'C♯4', 'A4', 'A0', 'C8']);
    expect([60, 61, 64, 66].map(isBlack)).toEqual([false, true, false, true]);
  });
});

describe('a score', () => {
  it('has the notes, when they sound and how loud', () => {
    const found = SCORE.notes.map(({ pitch, start, end, velocity }) => [
      pitch,
      start,
      end,
      velocity,
    ]);
    expect(found).toEqual([
      [60, 0, 1.5, 78],
      [64, 0.5, 1.5, 78],
      [67, 0.5, 1.6, 78],
      [60, 1.5, 1.6, 126],
    ]);
    expect(lengthOf(SCORE)).toBe(1.6);
  });

  it('knows which event begins and which ends each', () => {
    expect(SCORE.notes.map(({ on, off }) => [on, off])).toEqual([
      [1, 8],
      [3, 6],
      [4, null],
      [8, 10],
    ]);
    expect(SCORE.noteOf).toEqual([-1, 0, -1, 1, 2, -1, 1, -1, 3, -1, 3, -1, -1]);
  });

  it('adds up time without rounding', () => {
    const text = ['TIME_SHIFT_1', ...new Array<string>(999).fill('TIME_SHIFT_1')].join(' ');
    expect(lengthOf(readScore(tokens(text)))).toBe(10);
  });

  it('says what is struck when', () => {
    expect(beginning(SCORE.notes, 0, 0.5).map(({ on }) => on)).toEqual([1]);
    expect(beginning(SCORE.notes, 0.5, 1.6).map(({ on }) => on)).toEqual([3, 4, 8]);
    expect([-1, 0, 0.49, 0.5, 9].map((t) => struckAt(SCORE.notes, t))).toEqual([null, 1, 1, 4, 8]);
  });

  it('may be empty', () => {
    const none = readScore([]);
    expect([none.notes, none.times]).toEqual([[], [0]]);
  });
});

describe('what a note looked at', () => {
  // Two heads; the query is the fifth event, the second C4 being due.
  const rows = [
    Float32Array.from([0.1, 0.2, 0.3, 0.25, 0.05, 0, 0.05, 0.05]),
    Float32Array.from([0, 0, 0, 0.5, 0.5, 0, 0, 0]),
  ];

  it('is the weight on the events that begin earlier notes, and nothing else', () => {
    const edges = edgesOf(rows, SCORE, { heads: [0, 1], ends: false, asked: 8 });
    expect(edges.map(({ head, note, weight }) => [head, note, weight])).toEqual([
      [0, 0, rows[0]![1]],
      [0, 1, rows[0]![3]],
      [0, 2, rows[0]![4]],
      [1, 0, 0],
      [1, 1, 0.5],
      [1, 2, 0.5],
    ]);
  });

  it('has what ends a note added where that is wished, once it is there', () => {
    const edges = edgesOf(rows, SCORE, { heads: [0], ends: true, asked: 8 });
    expect(edges[1]!.weight).toBe(rows[0]![3]! + rows[0]![6]!);
    // C4 is ended by the event that is asked about: that weight is none of an earlier note's end.
    expect(edges[0]!.weight).toBe(rows[0]![1]);
  });

  it('is drawn where it is strong, and the rest is counted', () => {
    const edges = edgesOf(rows, SCORE, { heads: [0, 1], ends: false, asked: 8 });
    const { drawn, rest, restWeight } = atMost(edges, { most: 10, least: 0.1 });
    expect(drawn.map(({ head, note }) => `${head}.${note}`)).toEqual(['1.1', '1.2', '0.1', '0.0']);
    expect(rest).toBe(2);
    expect(restWeight).toBeCloseTo(0.05);
    expect(atMost(edges, { most: 1, least: 0 }).drawn).toHaveLength(1);
  });

  it('is shared out over the kinds of events', () => {
    const shares = sharesOf(rows[0]!, kindsOf(tokens(TEXT)));
    expect(shares.on).toBeCloseTo(0.5);
    expect(shares.off).toBeCloseTo(0.05);
    expect(shares.shift).toBeCloseTo(0.3);
    expect(shares.velocity).toBeCloseTo(0.15);
    expect(shares.other).toBe(0);
    expect(Object.values(shares).reduce((a, b) => a + b)).toBeCloseTo(1);
  });
});

describe('the motif', () => {
  const score = readScore(tokens(exampleText()));

  it('is the beginning of the prelude: five notes up, and the upper three again', () => {
    expect(score.notes).toHaveLength(4 * 16);
    expect(
      score.notes
        .slice(0, 16)
        .map(({ pitch }) => pitchName(pitch))
        .join(' '),
    ).toBe('C4 E4 G4 C5 E5 G4 C5 E5 C4 E4 G4 C5 E5 G4 C5 E5');
    expect(EXAMPLE).toHaveLength(4);
    expect(score.notes.every(({ off }) => off !== null)).toBe(true);
  });

  it('has its peaks where the contour turns', () => {
    const found = peaks(score.notes);
    expect(found.slice(0, 4)).toEqual([4, 7, 12, 15]);
    expect(found).toHaveLength(4 * 4 - 1); // behind the last note nothing turns
  });

  it('is what a note can be compared with', () => {
    const at = 12;
    expect(HABITS.map((habit) => alike(score.notes, at, habit))).toEqual([[4, 7], [4, 7], [11]]);
    const chord = readScore(tokens('NOTE_ON_50 NOTE_ON_55 TIME_SHIFT_9 NOTE_ON_60'));
    expect(alike(chord.notes, 2, 'previous')).toEqual([0, 1]);
  });

  it('finds the heads that look there', () => {
    const none = new Float32Array(60);
    const some = Float32Array.from(none);
    const [first, second] = [score.notes[4]!.on, score.notes[7]!.on];
    [some[first], some[second]] = [0.25, 0.5];
    const found = rankHeads([[none], [none, some]], score, [4, 7]);
    expect(found.map(({ layer, head, value }) => [layer, head, value])).toEqual([
      [1, 1, 0.75],
      [0, 0, 0],
      [1, 0, 0],
    ]);
  });
});

describe('the roll', () => {
  const frame = {
    from: 0,
    seconds: 2,
    width: 440,
    height: 240,
    left: 40,
    top: 0,
    low: 60,
    high: 71,
  };

  it('shows at least two octaves, whole', () => {
    expect(bounds(SCORE.notes)).toEqual({ low: 52, high: 75 });
    expect(bounds([])).toEqual({ low: 48, high: 71 });
    expect(bounds([{ ...SCORE.notes[0]!, pitch: 3 }])).toEqual({ low: 0, high: 23 });
  });

  it('finds the note under a pointer, the one in front first', () => {
    // C4 is the lowest row, 20 pixels high; 200 pixels are a second.
    expect(noteAt(SCORE.notes, frame, 40 + 10, 230)).toBe(0);
    expect(noteAt(SCORE.notes, frame, 40 + 310, 230)).toBe(3);
    expect(noteAt(SCORE.notes, frame, 40 + 130, 150)).toBe(1);
    expect(noteAt(SCORE.notes, frame, 40 + 10, 30)).toBeNull();
  });

  it('is walked by keys: in time, and to the next pitch', () => {
    const go = (key: string, at: number) => walk(SCORE.notes, key, at);
    expect(go('ArrowRight', 0)).toBe(1);
    expect(go('ArrowLeft', 0)).toBe(0);
    expect(go('End', 0)).toBe(3);
    expect(go('ArrowUp', 1)).toBe(2);
    expect(go('ArrowUp', 2)).toBe(2);
    expect(go('ArrowDown', 2)).toBe(1);
    expect(go('x', 2)).toBeNull();
  });

  it('shows a span of time, never more than there is', () => {
    expect(whole(4)).toEqual({ from: 0, seconds: 4 });
    expect(whole(0)).toEqual({ from: 0, seconds: 1 });
    expect(zoomed({ from: 0, seconds: 8 }, 8, 2, 4)).toEqual({ from: 2, seconds: 4 });
    expect(zoomed({ from: 2, seconds: 4 }, 8, 0.1, 4)).toEqual({ from: 0, seconds: 8 });
    expect(clampSpan({ from: -3, seconds: 4 }, 8)).toEqual({ from: 0, seconds: 4 });
    expect(clampSpan({ from: 7, seconds: 4 }, 8)).toEqual({ from: 4, seconds: 4 });
    expect(follow({ from: 0, seconds: 4 }, 20, 3)).toEqual({ from: 0, seconds: 4 });
    expect(follow({ from: 0, seconds: 4 }, 20, 9).from).toBeCloseTo(5.6);
    expect(follow({ from: 10, seconds: 4 }, 20, 8).from).toBeCloseTo(7.4);
  });

  it('has lines of time at round numbers', () => {
    expect(timeStep(frame)).toBe(0.5);
    expect(timeStep({ ...frame, seconds: 100 })).toBe(20);
  });
});

describe('ghosts', () => {
  const candidates = ['NOTE_ON_72', 'NOTE_OFF_67', 'TIME_SHIFT_50', 'SET_VELOCITY_1', 'NOTE_OFF_1'];

  it('stand where their event would, and nowhere for what has no place', () => {
    const found = ghostsOf(
      candidates.map((text, id) => ({ id, text, prob: 0.2 })),
      SCORE,
      5,
    );
    expect(found).toEqual([
      { row: 0, id: 0, name: 'NOTE_ON_72', prob: 0.2, kind: 'on', pitch: 72, start: 0.5 },
      { row: 1, id: 1, name: 'NOTE_OFF_67', prob: 0.2, kind: 'off', pitch: 67, start: 0.5 },
      { row: 2, id: 2, name: 'TIME_SHIFT_50', prob: 0.2, kind: 'shift', pitch: null, start: 1 },
    ]);
  });
});

describe('the sound', () => {
  const rate = 16_000;

  /** The strength of one frequency. */
  function strength(wave: Float32Array, frequency: number): number {
    let [re, im] = [0, 0];
    const n = rate / 2;
    for (let i = 0; i < n; i++) {
      const window = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / n);
      re += window * wave[i]! * Math.cos((2 * Math.PI * frequency * i) / rate);
      im += window * wave[i]! * Math.sin((2 * Math.PI * frequency * i) / rate);
    }
    return Math.hypot(re, im) / n;
  }

  it('has the pitch of its note', () => {
    const wave = tone(69, rate);
    for (const other of [415.3, 466.2, 300, 620])
      expect(strength(wave, 440)).toBeGreaterThan(10 * strength(wave, other));
  });

  it('dies away, stays within bounds, and is always the same', () => {
    const wave = tone(60, rate);
    const loudness = (from: number) =>
      Math.sqrt(wave.slice(from, from + 800).reduce((sum, v) => sum + v * v, 0) / 800);
    expect(loudness(400)).toBeGreaterThan(3 * loudness(wave.length - 2_400));
    expect(wave.reduce((top, v) => Math.max(top, Math.abs(v)), 0)).toBeCloseTo(0.9, 5);
    expect(Math.abs(wave.at(-1)!)).toBeLessThan(1e-3);
    expect(tone(60, rate)).toEqual(wave);
  });

  it('is made for every pitch', () => {
    for (const pitch of [0, 21, 108, 127])
      expect(tone(pitch, rate).every(Number.isFinite)).toBe(true);
  });
});
