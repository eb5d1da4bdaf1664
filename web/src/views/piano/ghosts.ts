/** Events that may come next, where they would stand on the roll. */
import { eventOf, STEP } from './events';
import type { Score } from './score';

export interface Ghost {
  /** Its place among the candidates, from 0. */
  row: number;
  id: number;
  /** Of its event. */
  name: string;
  prob: number;
  kind: 'on' | 'off' | 'shift';
  /** Null for a time shift, which moves the end of all. */
  pitch: number | null;
  /** Where it would stand, in seconds; of a time shift, where it would lead. */
  start: number;
}

/**
 * The candidates behind `step` events that have a place: a loudness has none, and neither has the
 * end of a note that does not sound.
 */
export function ghostsOf(
  candidates: readonly { id: number; text: string; prob: number }[],
  score: Score,
  step: number,
): Ghost[] {
  const now = score.times[step] ?? 0;
  const sounds = (pitch: number) =>
    score.notes.some((note) => {
      const isBegun = note.pitch === pitch && note.on < step;
      return isBegun && (note.off === null || note.off >= step);
    });
  return candidates.flatMap(({ id, text, prob }, row): Ghost[] => {
    const event = eventOf(text);
    const ghost = { row, id, name: text.trim(), prob };
    switch (event?.kind) {
      case 'on':
        return [{ ...ghost, kind: 'on', pitch: event.value, start: now }];
      case 'off':
        return sounds(event.value)
          ? [{ ...ghost, kind: 'off', pitch: event.value, start: now }]
          : [];
      case 'shift':
        return [{ ...ghost, kind: 'shift', pitch: null, start: now + event.value * STEP }];
      default:
        return [];
    }
  });
}

/** Those that have a pitch. */
export function pitched(ghosts: readonly Ghost[]): { pitch: number }[] {
  return ghosts.flatMap(({ pitch }) => (pitch === null ? [] : [{ pitch }]));
}
