import type { View } from '../registry';
import { en } from './en';
import Training from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'training',
  section: '3.3',
  order: 2,
  anchor: 'transfer-learning',
  texts: { en, zh },
  component: Training,
  uses: [],
  sites: () => [],
};
