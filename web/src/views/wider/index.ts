import type { View } from '../registry';
import { en } from './en';
import Wider from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'wider',
  section: '2.4',
  order: 1,
  anchor: 'gpt-2-fully-connected-neural-network-layer-1',
  texts: { en, zh },
  component: Wider,
  uses: ['layer'],
  sites: (x) =>
    ['ln_2', 'mlp.pre', 'mlp.post', 'mlp_out', 'resid_mid', 'resid_post'].map(
      (name) => `h.${x.place.layer}.${name}`,
    ),
};
