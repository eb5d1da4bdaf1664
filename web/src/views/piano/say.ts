/** Notes and events in words. */
import type { RunInfo } from '../../api/types';
import { spoken } from '../../core/tokens';
import type { en } from './en';
import { pitchName } from './events';
import type { Score } from './score';

export function secondsOf(time: number): string {
  return time.toFixed(2);
}

/** "E5 at 1.20 s". */
export function noteAtTime(score: Score, note: number, t: typeof en): string {
  const { pitch, start } = score.notes[note]!;
  return t.noteAt(pitchName(pitch), secondsOf(start));
}

export function wholeNote(score: Score, note: number, t: typeof en): string {
  const { pitch, start, end, velocity } = score.notes[note]!;
  return t.note(pitchName(pitch), secondsOf(start), secondsOf(end - start), velocity);
}

/** An event as a note where it begins one, else by its name. */
export function eventName(run: RunInfo, score: Score, event: number, t: typeof en): string {
  const note = score.notes.findIndex(({ on }) => on === event);
  if (note >= 0) return noteAtTime(score, note, t);
  const token = run.tokens[event];
  return token ? spoken(token) : '';
}
