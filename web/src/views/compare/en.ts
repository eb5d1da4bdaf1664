export const en = {
  name: 'Before and after',
  title: 'What changed, word by word and head by head',
  lede: 'Two runs side by side: two models on one text, one model on two texts, or a model with and without a part of it. Where do they expect other words, and which heads look elsewhere?',
  notes: [
    {
      article:
        'A decoder that was first trained on language and then on summaries did better, where examples were few, than an encoder-decoder that was trained beforehand.',
      model:
        'Whether that holds is measured, not said: the last drawing shows the scores that an experiment of this machine wrote, with its protocol. Without one it stays empty.',
    },
  ],
  stop: '.',
  beside: 'Beside it',
  model: (name: string) => `the model ${name}`,
  plain: 'without the edits',
  edited: 'with the edits',
  asIs: 'as it is',
  headOff: (layer: number, head: number, on: boolean) =>
    `head ${head} of block ${layer} ${on ? 'on' : 'off'}`,
  headAt: (layer: number, head: number) => `block ${layer}, head ${head}`,
  kept: 'the second run',
  thisText: 'this run',
  otherText: 'second run',
  another: 'or another text',
  placeholder: 'Type it …',
  read: 'Read it beside',
  hold: 'Keep this run',
  holdTitle: 'Keeps this run as the second one: change text, model or heads, and see what changes',
  keptText: 'The second run reads',
  words: 'What comes next',
  wordsNote:
    'The ten likeliest words of each run behind the word that is chosen in the text below. A line leads to the same word of the other list; where it is not among the ten, its rank stands at the end. Solid green: the word gained ranks; dashed orange: it lost some.',
  word: 'Word',
  probability: 'probability',
  rank: 'rank',
  none: 'no such token',
  listOf: (name: string) => `Next words, ${name}`,
  moved: (rank: number, other: number | null) =>
    other === null ? `rank ${rank}; no token of the other` : `rank ${rank} here, ${other} there`,
  rest: (name: string) => `all others, ${name}:`,
  alone: (word: string) =>
    `The other text has no “${word}” at this place, so there is nothing to put beside it. Choose a word that both have.`,
  text: 'Where they part',
  kl: 'Divergence of the next words',
  tells: { kl: 'Divergence', nll: 'Surprise' },
  nats: 'nats',
  mean: 'mean over the text:',
  apart: (word: string, nats: string) =>
    `Behind “${word}” the next words of the two are ${nats} nats apart.`,
  surprised: (word: string, names: readonly [string, string], nats: string) =>
    `At “${word}”, ${names[0]} is more surprised than ${names[1]} by ${nats} nats.`,
  unshared: (word: string) => `“${word}” is in this text alone, or elsewhere in the other.`,
  first: (word: string) => `Nothing predicts “${word}”: the text begins with it.`,
  twoVocabularies:
    'The two models have different vocabularies. A divergence needs one, so there is none; the colour is how much more surprised the one was than the other at the same bytes.',
  nothingShared: 'The two texts have nothing in common to compare at.',
  klNote:
    'Kullback–Leibler divergence Σ p · (ln p − ln r) over the whole vocabulary, behind each word: p of this run, r of the other. 0 where both expect the same. Hatched words are in this text alone.',
  nllNote:
    'Surprise is −ln of the probability that each word had. Orange: this run was the more surprised; teal: the other.',
  heads: 'Which heads changed',
  corner: 'layer',
  of: { pattern: 'Pattern', output: 'Output' },
  headSays: {
    pattern: (layer: number, head: number, share: string, n: number) =>
      `Block ${layer}, head ${head}: ${share} of its attention lies elsewhere, on average over ${n} shared ${n === 1 ? 'word' : 'words'}.`,
    output: (layer: number, head: number, share: string, n: number) =>
      `Block ${layer}, head ${head}: what it adds differs by ${share} of both lengths together, over ${n} shared ${n === 1 ? 'word' : 'words'}.`,
  },
  ofNote: {
    pattern:
      'Half the sum of |a − b| over the weights of a row, as a mean over all rows: the share of attention that moved. A click tells each row.',
    output:
      '|x − y| / (|x| + |y|), with x and y all that a head adds to the stream: 1 where one of them is nothing. Between models that were not made from one another this compares two different spaces.',
  },
  otherShape: (l: number, h: number, l2: number, h2: number) =>
    `One model has ${l} × ${h} heads, the other ${l2} × ${h2}: there is no head to compare with another.`,
  otherWidth: 'The streams of the two have different widths: what heads add cannot be compared.',
  examples: 'Score against number of examples',
  experiment: 'Experiment',
  nExamples: 'examples',
  protocol: 'Protocol:',
  noExperiment:
    'No experiment is shown. The server reads every transfer.json in its folder of training runs:',
  makeOne:
    'Fine-tune on 1 %, 10 % and 100 % of the examples, from a trained model and from scratch, score each, and write the scores with cutaway.evals.examples.Experiment.save.',
};
