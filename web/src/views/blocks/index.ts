import type { View } from '../registry';
import { en } from './en';
import Blocks from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'blocks',
  section: '1.4',
  order: 1,
  anchor: 'the-evolution-of-the-transformer-block',
  texts: { en, zh },
  component: Blocks,
  uses: ['layer', 'head'],
  sites: (x) => [`h.${x.place.layer}.attn.pattern`],
};
