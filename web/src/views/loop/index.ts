import type { View } from '../registry';
import { en } from './en';
import Loop from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'loop',
  section: '1.3',
  order: 1,
  anchor: 'one-difference-from-bert',
  texts: { en, zh },
  component: Loop,
  uses: ['clock', 'stage'],
  stages: ['greedy', 'seed-0'],
  sites: () => ['logits'],
};
