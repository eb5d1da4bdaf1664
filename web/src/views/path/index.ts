import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Path from './View.svelte';

export const view: View = {
  id: 'path',
  section: '1.5',
  order: 1,
  anchor: 'crash-course-in-brain-surgery-looking-inside-gpt-2',
  texts: { en, zh },
  component: Path,
  uses: ['clock'],
  sites: (x) =>
    Array.from({ length: x.model?.config.n_layer ?? 0 }, (_, i) => [
      `h.${i}.attn.k`,
      `h.${i}.attn.v`,
    ]).flat(),
};
