/** Where a page opens whose address says nothing: at the view of what the model was made for. */
import type { ModelInfo } from '../api/types';
import type { Place } from './place';

export const DEFAULT_TEXT = 'The robot must obey';

/** For a model that was taught pairs: it goes on behind its marker. */
const SOURCE_TEXT = 'A dog runs along the beach.';

export interface Opening {
  place: Partial<Place>;
  text: string;
  /** Whether the text is a source, and the answer is to be written behind it. */
  isAsked: boolean;
}

/** Of a model with a vocabulary. Words that are events begin with none. */
export function openingOf({ vocabulary, task, config }: ModelInfo): Opening {
  const text = vocabulary?.kind === 'text' ? DEFAULT_TEXT : '';
  if (vocabulary?.kind === 'performance') return { place: { view: 'piano' }, text, isAsked: false };
  if (task?.task === 'summarization') return { place: { view: 'page' }, text, isAsked: false };
  if (task?.task !== 'translation' && task?.task !== 'pairs')
    return { place: {}, text, isAsked: false };
  // The layer below the last aligns best; see cutaway/apps/alignment.py.
  const layer = Math.max(0, config.n_layer - 2);
  return { place: { view: 'pairs', layer }, text: SOURCE_TEXT, isAsked: true };
}
