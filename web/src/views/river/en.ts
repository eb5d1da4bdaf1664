export const en = {
  name: 'Residual river',
  title: 'The vector is never replaced, only added to',
  lede: 'It starts as the embedding at the bottom. Each block adds what attention brings and what its MLP makes of it. At every height the last layer can be asked: if the stack ended here, what would the next word be?',
  notes: [
    {
      article:
        'A block processes the token and sends its resulting vector up the stack to the next block.',
      model:
        'A block sends up what it was given plus two additions of its own. Layer norms, which the drawings leave out, are on the way into each part, not on the stream.',
    },
  ],
  drawing: 'The stream at one position',
  source: { wte: 'token embedding', wpe: 'position embedding' } as Record<string, string>,
  attention: (layer: number) => `block ${layer}: attention`,
  mlp: (layer: number) => `block ${layer}: MLP`,
  part: 'Adds',
  adds: 'Length',
  cosine: 'Cosine',
  stream: 'Stream',
  push: 'Push',
  pushTitle: (word: string) => `What this part gives to the logit of “${word}”, the model’s choice`,
  pushes: (word: string) =>
    `Push is what a part gives to the logit of “${word}”, through the last norm at its actual scale; all of them and the norm’s own`,
  constant: 'make',
  says: 'Would say',
  legend:
    'Widths are lengths of vectors, all on one scale. A part that points along the stream comes from below, one that points against it from above, one at right angles from the side: the angle drawn is the real one.',
  at: (word: string, n: number) => `after “${word}”, position ${n}`,
  attentionKey: 'attention',
  mlpKey: 'MLP',
  streamKey: 'stream',
  lens: 'What every height would say',
  lensNote:
    'The logit lens: each site of the stream goes through the last layer norm and the embedding matrix. The top row is what the model really says. The darker, the likelier, or the better in rank; bold where the word followed is the likeliest. Choose a cell to follow its word through all heights and positions.',
  embedding: 'embedding',
  follow: (word: string) => `Following “${word}”`,
  own: 'Following what the model says in the end',
  reset: 'Follow the end again',
  colour: 'Cells tell',
  tell: {
    best: 'the likeliest word',
    prob: 'the word followed',
    rank: 'its rank',
  },
  rank: 'rank',
  corner: 'site',
  read: (word: string, site: string, best: string, p: string) =>
    `After “${word}”, ${site} would say “${best}” with ${p}.`,
  followed: (word: string, rank: string, p: string) => `“${word}” has rank ${rank} there, ${p}.`,
  window: (a: number, b: number, n: number) => `positions ${a} to ${b}; the text has ${n} tokens`,
};
