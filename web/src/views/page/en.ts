export const en = {
  name: 'Long page',
  title: 'What a summary was written for',
  lede: 'A page, a marker, and words behind it. For each of those words: where did the model look, and what in the page moved its score? Two answers that are often confused, side by side.',
  notes: [
    {
      article:
        'An article with its summary is training data for a decoder-only Transformer: text, marker, summary, in one sequence.',
      model:
        'A model that was taught pairs writes behind the marker that it learned. Any other is asked with TL;DR:, as GPT-2 was, without being trained for it: that one summarized about as well as three sentences picked at random. A small model goes on in the style of the page; what it looks at is real all the same.',
    },
  ],
  page: 'A page to try',
  mark: (marker: string) => `Put ${marker} behind it`,
  follow: 'Follow back',
  kinds: { logprob: 'log-probability', logit: 'logit' },
  heads: 'Attention of',
  stages: { all: 'all heads', one: 'one head' },
  noMarker: (marker: string) =>
    `There is no ${marker} in this text, so the last words and the one to come can be asked for.`,
  marked: (page: number, summary: number) =>
    `${page} tokens of page and marker, ${summary} of summary.`,
  drawing: 'What of the page counts',
  words: 'Words of the summary',
  wordsNote: 'Choose a word; the framed last one is the word that the model would write next.',
  wordAt: (n: number, word: string) => `Token ${n}: ${word}`,
  coming: 'The word to come',
  word: 'Word',
  attention: 'Attention',
  gradient: 'Gradient × input',
  mapOf: (what: string) => `Map of the page: ${what}`,
  mean: (layer: number) => `mean of the heads of block ${layer}`,
  head: (layer: number, head: number) => `block ${layer}, head ${head}`,
  followed: { logprob: 'of the log-probability', logit: 'of the logit' },
  reads: (word: string, share: string, product: string) =>
    `“${word}”: ${share} of the attention, gradient times input ${product}.`,
  nth: (word: string, n: number) => `${word} (token ${n})`,
  strongest: 'The strongest',
  agree: (same: number, of: number, word: string) =>
    `For “${word}”, ${same} of the ${of} strongest words are the same by both measures.`,
  passage: 'The page around the chosen word',
  over: 'over a word: its attention',
  speaksFor: 'under it: raises the score',
  speaksAgainst: 'lowers the score',
  note: 'Attention is where one block reads from; it may carry nothing of use. Gradient times input follows every path through all blocks: how fast the score of the written word changes as a word of the page is made louder, to first order. Blocks of the maps are as wide as their words; the line is where the summary begins.',
};
