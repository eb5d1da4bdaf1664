export const en = {
  name: 'Four times wider',
  title: 'The MLP opens the vector to four times its width, and folds it back',
  lede: 'Each of these neurons looks for a direction in the vector, passes through GELU, and adds its own row to the stream. That row can be read in words.',
  notes: [
    {
      article:
        'The first layer is four times the size of the model: 4 × 768 = 3,072 (the Chinese translation leaves the number out).',
      model:
        'The same ratio in every size. Between the two layers stands GELU in its tanh form, and the result is added to the stream.',
    },
  ],
  curve: (n: string) => `${n} neurons on the curve of GELU`,
  curveNote:
    'Each tick below the curve is one neuron before GELU, each dot the same one behind it. Left of zero GELU lets almost nothing through. Click near a dot to choose a neuron.',
  pre: 'before GELU',
  post: 'after GELU',
  active: 'above zero: ',
  colon: ': ',
  of: (n: string) => ` of ${n}`,
  strongest: 'The strongest neurons, and their words',
  by: 'Strongest by',
  kinds: { contribution: 'length added', activation: 'activation', push: 'push' },
  neuron: 'Neuron',
  length: 'Length',
  push: (word: string) => `Push on ${word}`,
  promotes: 'Raises',
  demotes: 'Lowers',
  off: 'off',
  switchOff: (n: number) => `Switch neuron ${n} off`,
  switchOn: (n: number) => `Switch neuron ${n} on`,
  offNow: 'Switched off in this block',
  rest: 'all other neurons',
  bias: 'bias',
  all: 'what the MLP added',
  words: 'What comes next',
  unedited: 'With all neurons on',
  same: 'No neuron is switched off: click one in the list.',
  reset: 'All on',
  moved: (word: string, p: string, now: string, rank: number, rankNow: number) =>
    `${word}: ${p} before, ${now} now; rank ${rank} before, ${rankNow} now.`,
  drawing: 'Wide and back',
  in: (d: string) => `${d} numbers come in, normalised`,
  wide: (d: string, n: string) => `× ${d} × ${n} + b, then GELU: ${n} neurons`,
  back: (n: string, d: string) => `× ${n} × ${d} + b: what the MLP adds`,
  sum: 'added to the stream: the output of the block',
  made: 'You made it.',
  madeNote: (layer: number, more: number) =>
    more === 0
      ? `Block ${layer} is the last: next come the final norm and the scores.`
      : `That was block ${layer}. ${more} more do the same with weights of their own.`,
  next: 'Next block',
  top: 'To the top: the scores',
  corner: 'neuron',
  read: (n: number, pre: string, post: string, words: string) =>
    `Neuron ${n} has ${pre} before GELU and ${post} after it; it raises ${words}.`,
};
