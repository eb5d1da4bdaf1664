import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Embedding from './View.svelte';

export const view: View = {
  id: 'embedding',
  section: '1.6',
  order: 1,
  anchor: 'input-encoding',
  texts: { en, zh },
  component: Embedding,
  uses: ['clock'],
  sites: () => ['wte', 'wpe', 'h.0.resid_pre'],
};
