/** Where a page opens whose address says nothing: at the view of what the model was made for. */
import type { ModelInfo } from '../api/types';
import type { Place } from './place';

export const DEFAULT_TEXT = 'The robot must obey';

/** For a model that was taught pairs: it goes on behind its marker. */
export const SOURCE_TEXT = 'A dog runs along the beach.';

/** For a model that was taught to summarize: a page of our own. */
export const PAGE_TEXT =
  'The lighthouse at the end of the harbour was built in 1871 and kept by one family for three generations. ' +
  'Every evening the keeper carried oil up one hundred and twelve steps, trimmed the wick and wound the clockwork that turned the lens. ' +
  'In winter the stairs froze, and more than once he had to cut the ice away before the lamp could be lit. ' +
  'Ships trusted the light: in all those years only one ran aground, and that was on a night of fog so thick that the lamp could not be seen from the pier. ' +
  'When the electric cable came in 1934 the steps were no longer needed, and the last keeper became the harbour master. ' +
  'He kept the oil lamp, polished it every Sunday, and lit it once a year on the day of the storm in which his father had drowned. ' +
  'Today the tower is a small museum. Children may climb the stairs and turn the lens by hand.';

/** Positions of a model that can read that page, in words of its own, and go on. */
const ROOM_FOR_PAGE = 512;

export interface Opening {
  place: Partial<Place>;
  text: string;
  /** Whether the text is a source, and the answer is to be written behind it. */
  isAsked: boolean;
}

/** Words that are events begin with no text. */
export function openingOf({ vocabulary, task, config }: ModelInfo): Opening {
  // The layer below the last aligns best; see cutaway/apps/alignment.py.
  const layer = Math.max(0, config.n_layer - 2);
  if (task?.task === 'translation' || task?.task === 'pairs')
    return { place: { view: 'pairs', layer }, text: SOURCE_TEXT, isAsked: true };
  if (task?.task === 'summarization') {
    const text = config.n_ctx < ROOM_FOR_PAGE ? SOURCE_TEXT : PAGE_TEXT;
    return { place: { view: 'page', layer }, text, isAsked: true };
  }
  const text = vocabulary?.kind === 'text' ? DEFAULT_TEXT : '';
  const isMusic = vocabulary?.kind === 'performance';
  return { place: isMusic ? { view: 'piano' } : {}, text, isAsked: false };
}
