/** A link to a model that is not here, or has other weights: the reader says what becomes of it. */
import type { ModelInfo } from '../api/types';
import type { Explorer } from './explorer.svelte';
import { ANEW, namesOf, type Place } from './place';

export class Stranger {
  /** Where the link leads; kept until the reader chooses. */
  place = $state.raw<Readonly<Place> | null>(null);

  constructor(private readonly x: Explorer) {}

  /** Whether a place belongs to another model than the one here by its name; then it is asked. */
  holdsUp(place: Readonly<Place>, named: ModelInfo | null): boolean {
    const fits = named?.fingerprint.startsWith(place.fingerprint) ?? false;
    if (place.ids.length === 0 || !place.model || fits) return false;
    this.place = place;
    return true;
  }

  /** Its ids in the model that is here, or a fresh start. */
  async resolve(choice: 'ids' | 'fresh'): Promise<void> {
    const { x, place } = this;
    this.place = null;
    const model = x.called(x.models?.current);
    if (!place || !model) return;
    if (choice === 'ids' && place.ids.length <= model.config.n_ctx) x.cursor.set(namesOf(model));
    else if (choice === 'ids') x.read(place.ids, model.name);
    else {
      x.cursor.set({ ...ANEW, ...namesOf(model), ids: [] });
      await x.begin(model);
    }
  }
}
