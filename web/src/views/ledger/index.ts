import type { View } from '../registry';
import { en } from './en';
import Ledger from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'ledger',
  section: '2.3',
  order: 1,
  anchor: 'gpt-2-masked-self-attention',
  texts: { en, zh },
  component: Ledger,
  uses: ['clock', 'stage'],
  stages: ['with', 'without'],
  sites: (x) =>
    Array.from({ length: x.model?.config.n_layer ?? 0 }, (_, i) => [
      `h.${i}.attn.k`,
      `h.${i}.attn.v`,
    ]).flat(),
};
