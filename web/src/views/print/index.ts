import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Print from './View.svelte';

export const view: View = {
  id: 'print',
  section: '1.7',
  order: 1,
  anchor: 'end-of-part-1-the-gpt-2-ladies-and-gentlemen',
  texts: { en, zh },
  component: Print,
  uses: ['layer', 'stage', 'clock'],
  stages: ['ln_1', 'ln_2', 'ln_f'],
  sites: (x) => {
    const i = x.place.layer;
    return [`h.${i}.resid_pre`, `h.${i}.ln_1`, `h.${i}.resid_mid`, `h.${i}.ln_2`, 'ln_f'];
  },
};
