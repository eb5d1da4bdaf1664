export const en = {
  name: 'Blocks and masks',
  title: 'Three kinds of block, and what the mask keeps out',
  lede: 'GPT-2’s block is the decoder’s, without the layer that looked at the encoder. What is left differs from an encoder’s block in one thing: at each position, the mask hides all later ones.',
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
  slider: (n: string) => `Computing token ${n}`,
  reads: (n: string, all: string) => `reads ${n} of ${all} tokens`,
  beyond: (most: string, n: string) => `drawn with ${most} positions; this text has ${n} tokens`,
  anatomyNote:
    'The token that is computed has a strong frame; those it reads are violet, those that the mask hides are hatched. The third block is this model’s: its layer norms come before each part. Those of the first Transformer came after, and are left out, as are the additions around each part.',
  flip: 'Take the mask off',
  on: 'Mask on',
  off: 'Mask off',
  key: 'm',
  flipNote:
    'The same weights, the same text; only the mask is gone, in all blocks. Each position may now read the very word that it should predict: the model was never trained for that.',
  untrained: 'never trained this way',
  bound: 'With the mask, as trained',
  free: 'Without the mask',
  invite:
    'Take the mask off, and what the model says without it stands here beside what it says with it.',
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
  long: 'For a text this long the colours come from rounded values, so nothing is counted from them.',
  corner: 'query',
  pick: 'Click a cell to see how its weight was made.',
};
