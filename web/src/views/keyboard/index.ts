import type { View } from '../registry';
import { en } from './en';
import { zh } from './zh';
import Keyboard from './View.svelte';

export const view: View = {
  id: 'keyboard',
  section: '1.1',
  order: 1,
  anchor: 'what-is-a-language-model',
  texts: { en, zh },
  component: Keyboard,
  uses: [],
  sites: () => ['logits'],
};
