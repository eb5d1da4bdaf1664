import type { View } from '../registry';
import { en } from './en';
import { STAGES } from './towers';
import Towers from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'towers',
  section: '1.2',
  order: 1,
  anchor: 'transformers-for-language-modeling',
  texts: { en, zh },
  component: Towers,
  uses: ['clock', 'stage'],
  stages: STAGES,
  sites: () => ['wte', 'wpe'],
};
