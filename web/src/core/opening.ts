/** Where a page opens whose address says nothing: at the view of what the model was made for. */
import type { ModelInfo } from '../api/types';
import type { Place } from './place';

export const DEFAULT_TEXT = 'The robot must obey';

/** For a model that was taught pairs: it goes on behind its marker. */
export const SOURCE_TEXT = 'A dog runs along the beach.';

export interface Opening {
  place: Partial<Place>;
  text: string;
  /** Whether the text is a source, and the answer is to be written behind it. */
  isAsked: boolean;
}

/** Words that are events begin with no text. */
export function openingOf({ vocabulary, task, config }: ModelInfo): Opening {
  if (task?.task === 'translation' || task?.task === 'pairs') {
    // The layer below the last aligns best; see cutaway/apps/alignment.py.
    const layer = Math.max(0, config.n_layer - 2);
    return { place: { view: 'pairs', layer }, text: SOURCE_TEXT, isAsked: true };
  }
  const text = vocabulary?.kind === 'text' ? DEFAULT_TEXT : '';
  const isMusic = vocabulary?.kind === 'performance';
  const view = isMusic ? 'piano' : task?.task === 'summarization' ? 'page' : null;
  return { place: view ? { view } : {}, text, isAsked: false };
}
