import { count } from '../../core/numbers';

export const en = {
  name: 'Cache ledger',
  title: 'Each step makes one column and reuses all the others',
  lede: 'A token’s keys and values depend only on itself and on what stands before it, so they are made once and kept. The books show what that saves.',
  notes: [
    {
      article:
        'While it writes, GPT-2 processes one token at a time and holds on to the keys and values of those before it.',
      model:
        'That is a choice, not a part of the model: with the cache or without, the scores are the same up to rounding. The largest difference is in the table above.',
    },
  ],
  drawing: 'Keys and values after this step',
  mode: 'How the step is computed',
  with: 'With the cache',
  without: 'Without',
  made: (n: number) => (n === 1 ? 'made: 1 column' : `made: ${count(n)} columns`),
  reused: (n: number) => `reused: ${count(n)}`,
  legendMade: 'made at this step',
  legendReused: 'reused from the cache',
  legendAhead: 'not read yet',
  key: 'key',
  value: 'value',
  block: (i: number) => `block ${i}`,
  corner: 'position',
  play: 'Space plays: one column is made, block by block; then the text goes on.',
  cacheless:
    'Here tokens also look ahead, so each new token changes all keys and values: nothing can be kept, and this model’s steps run without a cache.',
  step: 'This step',
  columns: 'columns made',
  again: 'columns reused',
  held: 'held in the cache',
  work: 'multiply-adds with the cache',
  workUncached: 'multiply-adds without',
  times: 'times the work without the cache',
  saved: (n: string) => `Without the cache, this step takes ${n} times the multiply-adds.`,
  growth: 'How the step grows with the text',
  growthNote:
    'Counted are the multiply-adds of all matrix products of one step. Each chart has the same steps from left to right; dotted is what is still to come.',
  bytes: 'Bytes held',
  adds: 'Multiply-adds of a step',
  time: 'Milliseconds of a step, measured',
  steps: 'tokens of text',
  measure: 'Measure',
  measureAgain: 'Measure again',
  measureNote:
    'Medians of a few passes on this machine. The counts are those of an instrumented pass, not of a formula.',
  measureLong: (n: string) =>
    `Measuring runs the model over ${n} tokens several times. It begins when you press the button.`,
  read: (n: string, made: string, reused: string, withMs: string, withoutMs: string) =>
    `At ${n} tokens the step makes ${made} and reuses ${reused} columns; it took ${withMs} with the cache and ${withoutMs} without.`,
  rowRead: (n: number, reused: number, adds: string, uncached: string) =>
    `The step that reads token ${count(n)} makes one column, reuses ${count(reused)}, and takes ${adds} multiply-adds; without the cache, ${uncached}.`,
  table: {
    tokens: 'Tokens',
    made: 'Made',
    reused: 'Reused',
    bytes: 'Bytes held',
    with: 'Multiply-adds',
    without: 'Without cache',
    ms: 'Measured',
    msWithout: 'Without cache',
    difference: 'Largest difference of a logit',
  },
  shapes: 'The shapes of one step',
  shapesNote:
    'Why a shape seems to change: the first pass reads the whole text, so attention has a row for each token. Every later pass has one row only, and a column more than the one before.',
  tensor: 'Tensor',
  first: (n: number) => (n === 1 ? 'First pass, 1 token' : `First pass, ${count(n)} tokens`),
  later: 'The next token, with the cache',
  laterWithout: 'The next token, without',
  axes: 'heads × queries × keys',
  names: { q: 'queries', k: 'keys read', kNew: 'keys made', pattern: 'attention weights' },
  end: 'At the end of the context',
  full: (n: string) => `of ${n} positions taken`,
  endBytes: 'the cache when all are taken: ',
  endWhy: (n: string) =>
    `There are ${n} position vectors and no more, so the model cannot read a token further. Here the text ends, and the page says so.`,
  endSlide: (half: string) =>
    `To write on, drop the beginning. Each token that stays then gets another position, so its keys and values change in every block, and the whole cache is thrown away. That is why this library, told to go on, drops half a context at a time: it reads ${half} tokens afresh once, then has room for as many again.`,
};
