/** The article's bar of sizes, counted instead of drawn. */

export interface Size {
  n_embd: number;
  n_layer: number;
  n_ctx: number;
  vocab_size: number;
}

/** The released sizes as OpenAI's hparams have them. */
export const GPT2_SMALL: Size = { n_embd: 768, n_layer: 12, n_ctx: 1024, vocab_size: 50257 };
export const GPT2_XL: Size = { n_embd: 1600, n_layer: 48, n_ctx: 1024, vocab_size: 50257 };

/** What the article says its phone keyboard takes. */
export const PHONE_BYTES = 78e6;

/**
 * Parameters of a GPT-2, the tied head counted once: two embeddings; per block two layer norms,
 * queries, keys and values, their projection, and the MLP of four times the width; a last norm.
 */
export function parameters({ n_embd: d, n_layer, n_ctx, vocab_size }: Size): number {
  const norm = 2 * d;
  const attention = d * 3 * d + 3 * d + d * d + d;
  const mlp = d * 4 * d + 4 * d + 4 * d * d + d;
  return (vocab_size + n_ctx) * d + n_layer * (2 * norm + attention + mlp) + norm;
}
