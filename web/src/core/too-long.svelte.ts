/** A text with more tokens than a model has positions: the reader says which part of it is read. */
import type { ModelInfo } from '../api/types';
import type { Explorer } from './explorer.svelte';

interface Asked {
  ids: number[];
  n_ctx: number;
  model: string;
}

export class TooLong {
  /** What waits for a choice. */
  asked = $state.raw<Asked | null>(null);

  constructor(private readonly x: Explorer) {}

  /** Whether the model cannot read all of it; then it is asked what to do. */
  holdsUp(ids: number[], { name, config }: ModelInfo): boolean {
    const { n_ctx } = config;
    if (ids.length <= n_ctx) return false;
    this.asked = { ids, n_ctx, model: name };
    return true;
  }

  keep(part: 'first' | 'last'): void {
    if (!this.asked) return;
    const { ids, n_ctx, model } = this.asked;
    this.x.read(part === 'first' ? ids.slice(0, n_ctx) : ids.slice(-n_ctx), model);
  }

  dismiss(): void {
    this.asked = null;
  }
}
