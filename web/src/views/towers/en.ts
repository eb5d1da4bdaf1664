export const en = {
  name: 'Towers',
  title: 'One stack of decoder blocks, as high as you can afford',
  lede: 'The first Transformer had two stacks, one to read and one to write. GPT-2 keeps only the second, and makes it higher and wider.',
  notes: [
    {
      article: 'The largest GPT-2 takes 6.5 GB, about 13 times the 500 MB of the smallest.',
      model:
        'Counted from the configurations, at four bytes a parameter: 6.23 GB and 498 MB, 12.5 times.',
    },
  ],
  split: 'From two stacks to one',
  encoder: 'encoder',
  decoder: 'decoder',
  self: 'self-attention',
  masked: 'masked self-attention',
  cross: 'attention to the encoder',
  feed: 'feed-forward',
  left: 'left out',
  input: 'text to translate',
  output: 'text so far',
  only: 'GPT-2: decoder blocks only',
  more: (n: number) => `… ${n} of them in this model`,
  splitNote:
    'Space plays it. The encoder goes, and with it the layer that looked at it; what is left of each block is masked self-attention and the feed-forward network.',
  splitRead:
    'Left, a stack of encoder blocks, left out in GPT-2. Right, a stack of decoder blocks without their attention to the encoder.',
  towers: 'Five towers to scale',
  towersNote:
    'Height is the number of blocks, width the size of the stream; both on one scale. Choose a tower, or press [ and ].',
  this: 'this model',
  shape: (layers: number, width: number) => `${layers} × ${width}`,
  of: (name: string) => `Of ${name}`,
  facts: {
    n_layer: 'blocks',
    n_embd: 'width of the stream',
    n_head: 'heads in each block',
    head_dim: 'width of a head',
    n_inner: 'neurons in each block',
    n_ctx: 'positions',
    vocab_size: 'tokens it knows',
    n_parameters: 'parameters',
    float32: 'weights in float32',
    bfloat16: 'weights in bfloat16',
    cache: 'keys and values of a token, float32',
    cacheFull: 'keys and values of a full context',
  },
  factsNote: 'All of it follows from five numbers: blocks, width, heads, positions, vocabulary.',
  model: 'model',
  read: (name: string, layers: number, width: number, n: string) =>
    `${name} has ${layers} blocks, ${width} wide: ${n} parameters.`,
};
