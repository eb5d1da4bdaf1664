/** How a component finds its explorer; several may live in one notebook. */
import { getContext, setContext } from 'svelte';
import type { Explorer } from './explorer.svelte';

const KEY = Symbol('explorer');

export function provide(x: Explorer): Explorer {
  return setContext(KEY, x);
}

export function explorer(): Explorer {
  return getContext<Explorer>(KEY);
}
