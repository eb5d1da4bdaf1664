export const en = {
  name: 'One stack, two languages',
  title: 'A translation is a text that goes on in another language',
  lede: 'No encoder is needed: source, a marker and target are one row of tokens, and the model learns to go on behind the marker. What it writes looks back at what it read.',
  notes: [
    {
      article:
        'An encoder is not required to conduct translation. The same task can be addressed by a decoder-only Transformer, with rows like “source, to-fr, target”.',
      model:
        'The marker is one token of the vocabulary, never made from text. Which side counts for the loss, and whether the source is read both ways, are choices that the article leaves open; both are drawn here, and measured by the project.',
    },
  ],
  rows: 'Pairs as training rows',
  rowsNote:
    'Every row is one text to the model. The bar under a token tells whether predicting it counts; the first token is never predicted. The square has a line for each token that reads and a column for each that is read; dashes are where the target begins.',
  row: (n: number) => `Row ${n}`,
  loss: 'Loss on',
  losses: { target: 'the target', both: 'both sides' },
  mask: 'Mask',
  masks: { causal: 'causal', prefix: 'prefix' },
  token: 'Token',
  side: 'Side',
  sides: { source: 'source', marker: 'marker', target: 'target', end: 'end' },
  counts: 'Counts',
  countsHere: 'predicting it counts',
  countsNot: 'read only',
  seesShort: 'Sees',
  yes: 'yes',
  no: 'no',
  taught: (marker: string, loss: string, mask: string) =>
    `This model was taught with the marker ${marker}, loss on ${loss}, ${mask} mask.`,
  untaught:
    'This model was not taught pairs: the rows show how they would be laid out for it, with a marker that its vocabulary would gain.',
  source: 'Source',
  target: 'Target',
  sees: (word: string, n: number, both: boolean) =>
    both
      ? `“${word}” sees all ${n} tokens of source and marker, those behind it too.`
      : `“${word}” sees ${n === 1 ? 'itself alone' : `${n} tokens, itself the last`}.`,
  due: (word: string, counts: boolean) =>
    counts
      ? `“${word}” is due behind it, and counts for the loss.`
      : `“${word}” comes behind it, and counts for nothing.`,
  last: 'The row ends here.',
  square: (mask: string, n: number) => `Which of ${n} tokens sees which: ${mask} mask`,
  alignment: 'Where each word looked while it was written',
  alignmentNote:
    'A word is written behind the token before it: the lines are the attention of that position. Of the word in front all lines to the source are drawn, of earlier words the strongest. Attention is where a block reads from, not a dictionary.',
  stages: { all: 'All heads', one: 'One head' },
  noTask:
    'This model was not taught to translate, so there is nothing to draw here. A translation model is made, and looked into, by:',
  sentence: 'Sentence',
  write: (marker: string) => `Write on behind ${marker}`,
  noMarker: (marker: string) =>
    `The text has no ${marker} with a source before it yet. Type a sentence: the marker is put behind it, and the model writes the rest, likeliest word by likeliest word.`,
  prefixRead:
    'This model reads source and marker both ways when it translates. The explorer reads every text from left to right, so its next words here may differ from those of cutaway translate.',
  nothingYet: 'No word is written yet. Step forward, append a word, or let the model write on.',
  written: 'The words that were written',
  wordAt: (n: number, word: string) => `Word ${n}: ${word}`,
  wrote: (word: string, parts: string) => `“${word}” was written looking at ${parts}.`,
  nth: (word: string, n: number) => `${word} (token ${n})`,
  mean: (layer: number) => `mean of the heads of block ${layer}`,
  head: (layer: number, head: number) => `block ${layer}, head ${head}`,
  noVocabulary: 'This model came without a tokenizer, so no row can be cut into its tokens.',
};
