import type { View } from '../registry';
import { en } from './en';
import Compare from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'compare',
  section: '3.3',
  order: 1,
  anchor: 'transfer-learning',
  texts: { en, zh },
  component: Compare,
  uses: ['layer', 'head'],
  sites: () => ['logits'],
};
