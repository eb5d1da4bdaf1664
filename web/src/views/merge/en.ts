export const en = {
  name: 'Twelve into one',
  title: 'The heads are laid end to end, and one matrix merges them',
  lede: 'Because each head meets only its own rows of that matrix, what attention adds is a sum with one part for each head. Switch a head off and see which words it spoke for.',
  notes: [
    {
      article: 'The heads’ outputs are concatenated and multiplied with a second weight matrix.',
      model:
        'So it is, and a bias is added. Then comes what the drawing leaves out: the result is added to the stream that entered the block, not put in its place.',
    },
  ],
  drawing: 'Merge and projection',
  ends: (heads: number, size: number, d: number) =>
    `${heads} heads × ${size}, end to end: ${d} numbers`,
  head: (h: number) => `head ${h}`,
  matrix: (d: number) => `× the projection matrix, ${d} × ${d}`,
  bias: '+ its bias',
  out: '= what attention adds',
  before: '+ the stream that came in',
  after: '= the stream that goes on to the MLP',
  cell: 'Click a cell to see how it was made.',
  parts: 'What each head adds',
  length: 'Length',
  push: (word: string) => `Push on ${word}`,
  pushOn: 'Push on',
  pushNote:
    'The push is what a part adds to the logit of the word, through the last layer norm with its actual scale. Parts and bias sum to what attention adds.',
  biasRow: 'bias',
  sum: 'sum of the parts',
  all: 'what attention added',
  off: 'off',
  patched: 'patched',
  switchOff: (h: number) => `Switch head ${h} off`,
  switchOn: (h: number) => `Switch head ${h} on`,
  patch: (h: number) => `Take head ${h} from the second run`,
  patchShort: 'from 2nd run',
  keep: 'Keep as second run',
  keepTitle: 'Keep this text; then write another one, and take heads over from this one',
  kept: (text: string) => `Second run: “${text}”. Alt-click a head to take it from there.`,
  reset: 'All heads on',
  words: 'What comes next',
  unedited: 'With all heads on',
  same: 'No head is switched off: click one.',
  moved: (word: string, p: string, now: string, rank: number, rankNow: number) =>
    `${word}: ${p} before, ${now} now; rank ${rank} before, ${rankNow} now.`,
  corner: 'part',
  read: (part: string, norm: string, word: string, push: string) =>
    `${part} adds a vector of length ${norm} and pushes the logit of ${word} by ${push}.`,
};
