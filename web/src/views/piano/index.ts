import type { View } from '../registry';
import { en } from './en';
import Piano from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'piano',
  section: '3.4',
  order: 1,
  anchor: 'music-generation',
  texts: { en, zh },
  component: Piano,
  // Block and heads have controls of their own here: a slider, and a switch for each head.
  uses: ['stage'],
  stages: ['written', 'read'],
  sites: (x) => [`h.${x.layer}.attn.pattern`],
};
