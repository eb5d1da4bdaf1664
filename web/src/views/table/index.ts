import type { View } from '../registry';
import { en } from './en';
import { STAGES } from './rows';
import { zh } from './zh';
import Table from './View.svelte';

export const view: View = {
  id: 'table',
  section: '2.4',
  order: 2,
  anchor: 'gpt-2-fully-connected-neural-network-layer-2---projecting-to-model-dimension',
  texts: { en, zh },
  component: Table,
  uses: ['layer', 'stage'],
  stages: STAGES,
  sites: () => ['wte', 'wpe'],
};
