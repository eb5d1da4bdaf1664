/** The four sizes that OpenAI released, as their hparams have them: all else is counted. */
import { parameters, type Size } from './sizes';

export interface Released extends Size {
  key: 'small' | 'medium' | 'large' | 'xl';
  name: string;
  n_head: number;
  /** Millions of parameters that were announced for it. */
  announced: number;
}

const COMMON = { n_ctx: 1024, vocab_size: 50257 };

export const RELEASED: readonly Released[] = [
  { key: 'small', name: 'GPT-2 small', n_layer: 12, n_embd: 768, n_head: 12, announced: 117 },
  { key: 'medium', name: 'GPT-2 medium', n_layer: 24, n_embd: 1024, n_head: 16, announced: 345 },
  { key: 'large', name: 'GPT-2 large', n_layer: 36, n_embd: 1280, n_head: 20, announced: 762 },
  { key: 'xl', name: 'GPT-2 XL', n_layer: 48, n_embd: 1600, n_head: 25, announced: 1542 },
].map((one) => ({ ...COMMON, ...one }) as Released);

export interface Card {
  key: string;
  name: string;
  announced: number;
  counted: number;
  difference: number;
}

/** What was announced beside what the matrices add up to. */
export function cards(): Card[] {
  return RELEASED.map((one) => {
    const counted = parameters(one);
    const announced = one.announced * 1e6;
    return { key: one.key, name: one.name, announced, counted, difference: counted - announced };
  });
}
