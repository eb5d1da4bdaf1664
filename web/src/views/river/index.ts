import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import River from './View.svelte';

export const view: View = {
  id: 'river',
  section: '1.6',
  order: 2,
  anchor: 'a-journey-up-the-stack',
  texts: { en, zh },
  component: River,
  uses: ['clock'],
  sites: (x) =>
    Array.from({ length: x.model?.config.n_layer ?? 0 }, (_, i) => [
      `h.${i}.resid_pre`,
      `h.${i}.attn_out`,
      `h.${i}.resid_mid`,
      `h.${i}.mlp_out`,
      `h.${i}.resid_post`,
    ]).flat(),
};
