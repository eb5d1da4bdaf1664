export const en = {
  name: 'Blocks and masks',
  title: 'Three kinds of block, and what the mask keeps out',
  lede: 'GPT-2’s block is that of the decoder, without the layer that looked at an encoder. What is left differs from an encoder’s block in one thing: at each position the mask hides all later ones.',
  notes: [
    {
      article: 'An encoder’s block takes 512 tokens; so does the decoder’s in the drawings.',
      model:
        '512 is BERT’s limit, not the block’s: a model has as many positions as its position matrix has rows.',
    },
  ],
  anatomy: 'Three blocks side by side',
  kinds: { encoder: 'Encoder block', decoder: 'Decoder block', only: 'Decoder only: GPT-2' },
  layers: {
    open: 'self-attention',
    masked: 'masked self-attention',
    cross: 'attention to the encoder',
    feed: 'feed-forward',
    norm: 'layer norm',
  },
  positions: (n: string) => `up to ${n} tokens`,
  slider: (n: number) => `Computing position ${n}`,
  reads: (kind: string, n: number, all: number) => `${kind}: reads ${n} of ${all} tokens`,
  anatomyNote:
    'The position that is computed has a dark frame; those it reads are violet, those that the mask hides are hatched. The numbers under the third block are this model’s; its layer norms stand before each part, the first Transformer’s stood behind them.',
  flip: 'Take the mask off',
  on: 'Mask on',
  off: 'Mask off',
  key: 'm',
  flipNote:
    'The same weights, the same text; only the mask is gone, in all blocks. Each position may now read the words that it is asked to predict, and was never shown how to.',
  untrained: 'never trained this way',
  bound: 'With the mask, as trained',
  free: 'Without the mask',
  invite:
    'Take the mask off, and the words of the model without it stand here beside the true ones.',
  changed: (word: string, before: string, after: string) =>
    `“${word}” had ${before} with the mask; without it, it has ${after}.`,
  pattern: (layer: number, head: number) => `Attention of block ${layer}, head ${head}`,
  weight: 'attention',
  hidden: 'hidden by the mask',
  opened: 'cells opened, all above the diagonal',
  below: 'cells opened elsewhere',
  future: 'of the attention goes to later words now',
  read: (q: string, k: string, percent: string) =>
    `At ${q}, ${percent} of the attention is on ${k}.`,
  long: 'This text is long: the picture is of rounded values, so nothing is counted from it.',
  corner: 'query',
  pick: 'A cell, chosen, tells how its weight was made.',
};
