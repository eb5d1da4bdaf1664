export const en = {
  name: 'One head',
  title: 'One query meets every key, and takes some of every value',
  lede: 'The newest word asks with its query. Each earlier word answers with a key, which the cache has kept. The better they match, the more of that word’s value is taken along.',
  notes: [
    {
      article: 'In section 2.1 some copies and translations score with queries and values.',
      model: 'Scoring multiplies queries with keys. Values come in afterwards, in the sum.',
    },
    {
      article: 'The score is the product of query and key.',
      model: 'It is also divided by the root of the vectors’ length: √64 in GPT-2.',
    },
  ],
  drawing: 'What this head does at this step',
  query: (word: string) => `query of “${word}”`,
  columns: {
    key: 'key',
    product: 'query × key',
    dot: 'sum',
    score: (K: number) => `÷ √${K}`,
    weight: 'softmax',
    value: 'value × share',
  },
  phases: [
    'The query of the newest word is made.',
    'Keys: those of earlier words come from the cache, one is new.',
    'Query and key are multiplied, entry by entry.',
    'The products are added up: one score for each word.',
    'Scores are divided by the root of the vectors’ length.',
    'Softmax makes shares of them, 1 in all.',
    'Each value fades to its share.',
    'What is left is added up: the output of this head.',
  ],
  cached: 'from cache',
  made: 'made now',
  uncached: 'made anew',
  output: 'sum = output of the head',
  others: (n: string, share: string) =>
    `The heaviest words are drawn; ${n} others, ${share} of the attention, are not.`,
  entry: (i: number) => `Entry ${i}`,
  times: 'query × key, for',
  hint: 'Space plays it step by step. Point at an entry to read it, click it to see how it was made. Values fade with the root of their share.',
  token: (text: string, i: number) => `${text} · ${i}`,
  corner: 'key of',
  readRow: (word: string, score: string, share: string) =>
    `The key of “${word}” scores ${score} and gets ${share}.`,
  strip: (what: string, word: string) => `${what}: ${word}`,
};
