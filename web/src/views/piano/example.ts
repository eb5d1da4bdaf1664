/**
 * A motif to look at: the first bars of the prelude in C major, BWV 846, by Johann Sebastian Bach
 * (1722, so in the public domain), written out here as events. Each bar takes five notes up and the
 * upper three again, twice; the two lower ones are held. A contour that comes again and again is
 * what the article's last picture looks at.
 */

/** The five notes of each bar. */
export const EXAMPLE: readonly (readonly number[])[] = [
  [60, 64, 67, 72, 76],
  [60, 62, 69, 74, 77],
  [59, 62, 67, 74, 77],
  [60, 64, 67, 72, 76],
];

const ORDER = [0, 1, 2, 3, 4, 2, 3, 4] as const;
/** Bins of loudness: the beat, the other notes, the turn of the contour. */
const LOUD = { beat: 20, other: 16, peak: 18 };
/** Steps of 10 ms in a sixteenth note. */
const SIXTEENTH = 20;

/** Half a bar; what is held ends with it. */
function half(notes: readonly number[], loud: (bin: number) => string[]): string[] {
  const events = ORDER.flatMap((which, i) => {
    const pitch = notes[which]!;
    const bin = i === 0 ? LOUD.beat : which === 4 ? LOUD.peak : LOUD.other;
    const begins = [...loud(bin), `NOTE_ON_${pitch}`, `TIME_SHIFT_${SIXTEENTH}`];
    return which < 2 ? begins : [...begins, `NOTE_OFF_${pitch}`];
  });
  // What ends together ends from the lowest on.
  const held = [...notes.slice(0, 2), events.pop()!.replace('NOTE_OFF_', '')];
  return [...events, ...held.map((pitch) => `NOTE_OFF_${pitch}`)];
}

/** The motif as the text of a music model: the names of its events. */
export function exampleText(): string {
  let last = 0;
  const loud = (bin: number) => {
    if (bin === last) return [];
    last = bin;
    return [`SET_VELOCITY_${bin}`];
  };
  return EXAMPLE.flatMap((notes) => [...half(notes, loud), ...half(notes, loud)]).join(' ');
}
