export const en = {
  name: 'It → a robot',
  title: 'To read a word, the model looks back at others',
  lede: 'Choose a word: each head of the block shares out its attention among that word and those before it. An arc is as wide as its share.',
  notes: [
    {
      article:
        'Self-attention reads “it” by giving 50% to “robot”, 30% to “a” and 19% to “it”: the word is bound to what it stands for.',
      model:
        'Every head of every block has its own shares, and most do something else. Whether any of them looks at what a pronoun stands for can be searched: choose both words, and all heads are sorted by it.',
    },
  ],
  drawing: 'Who looks where',
  asks: 'Word that reads',
  looked: 'Word it looks at',
  choose: 'A click chooses',
  law: 'The article’s sentence',
  token: (n: number, text: string) => `Token ${n}: ${text}`,
  nth: (word: string, n: number) => `${word} (token ${n})`,
  heads: 'Heads of this block',
  all: 'All heads',
  head: (n: number) => `head ${n}`,
  headIn: (layer: number, head: number) => `block ${layer}, head ${head}`,
  reads: (layer: number, head: number, word: string) =>
    `Reading “${word}”, head ${head} of block ${layer} gives`,
  to: 'to',
  comma: ', ',
  and: ', and ',
  stop: '.',
  others: (n: string) => `to ${n} other ${n === '1' ? 'token' : 'tokens'} together`,
  weaker: (n: string, share: string) =>
    `The 300 strongest arcs are drawn; ${n} weaker ones, ${share} of all attention, are not.`,
  most: 'most to',
  finder: 'Find heads that do this',
  by: {
    weight: 'This look',
    previous: 'The word before',
    first: 'The first word',
    repeat: 'What came next last time',
  },
  about: {
    weight: (q: string, k: string) => `Weight from “${q}” to “${k}”, in every head of the model.`,
    previous: () => 'Mean weight on the token before, over the whole text.',
    first: () => 'Mean weight on the first token, over the whole text.',
    repeat: (n: string) =>
      `Mean weight on the token that followed the same token earlier (induction), over the ${n} positions that repeat one.`,
  },
  none: 'Nothing in this text shows it: it takes at least two tokens, and for repeats a token that comes twice.',
  more: (n: number) => `All ${n} heads`,
  fewer: 'The twelve strongest',
  corner: 'head',
  row: (head: number, parts: string) => `Head ${head} gives ${parts}.`,
  part: (share: string, word: string) => `${share} to ${word}`,
};
