import type { View } from '../registry';
import { en } from './en';
import { STAGES } from './lab';
import { zh } from './zh';
import MaskLab from './View.svelte';

export const view: View = {
  id: 'masklab',
  section: '2.2',
  order: 1,
  anchor: 'the-illustrated-masked-self-attention',
  texts: { en, zh },
  component: MaskLab,
  uses: ['layer', 'head', 'stage'],
  stages: STAGES,
  sites: (x) => ['scores', 'pattern'].map((name) => `h.${x.place.layer}.attn.${name}`),
};
