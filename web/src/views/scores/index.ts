import type { View } from '../registry';
import { en } from './en';
import Scores from './View.svelte';
import { zh } from './zh';

export const view: View = {
  id: 'scores',
  section: '1.6',
  order: 5,
  anchor: 'model-output',
  texts: { en, zh },
  component: Scores,
  uses: ['stage'],
  stages: ['ranked', 'vocabulary'],
  sites: () => ['ln_f', 'logits'],
};
