import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Arcs from './View.svelte';

export const view: View = {
  id: 'arcs',
  section: '1.6',
  order: 3,
  anchor: 'self-attention-recap',
  texts: { en, zh },
  component: Arcs,
  uses: ['layer', 'head', 'stage'],
  stages: ['all', 'one'],
  sites: (x) => [`h.${x.place.layer}.attn.pattern`],
};
