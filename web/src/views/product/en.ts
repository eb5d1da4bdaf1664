import { count } from '../../core/numbers';

export const en = {
  name: 'One big product',
  title: 'One product makes query, key and value for all heads at once',
  lede: 'The vector of a token meets one wide matrix. The long result is cut in three, and each third is folded into heads.',
  notes: [
    {
      article:
        'The token’s vector is multiplied with the weight matrix of the block, and a bias is added.',
      model:
        'A layer norm comes first, which the drawings leave out: what is multiplied is the normalised vector.',
    },
  ],
  drawing: 'x × W + b',
  drawingNote:
    'The matrix is drawn small: each tile is the largest size of a weight in its part, in the colour of what it helps to make. Point at the result to see the row and the column that made it; click to keep it.',
  x: (d: number) => `x: ${count(d)} numbers, normalised`,
  w: (d: number, out: number) => `W: ${count(d)} × ${count(out)}`,
  b: 'b',
  result: (out: number) => `result: ${count(out)} numbers`,
  sum: 'One number of the result',
  sumOf: (part: string, head: number, i: number) => `${part}, head ${head}, number ${i}`,
  input: 'input row',
  column: (j: number) => `weight column ${count(j)}`,
  products: 'their products, one by one',
  total: 'sum of the products',
  bias: 'bias',
  value: 'result',
  made: 'How was it made?',
  fold: 'Cut in three, folded into heads',
  foldNote: (heads: number, size: number) =>
    `Three of ${heads} heads stand in front, the rest as a stack; each has ${size} numbers. Nothing is computed here: the same numbers get new places, each third with colours on its own scale. Play, or drag the time.`,
  parts: ['query', 'key', 'value'] as readonly string[],
  head: (h: number) => `head ${h}`,
  others: (n: number) => (n === 1 ? 'and 1 more' : `and ${n} more`),
  row: (part: string, head: number) => `${part} ${head}`,
  corner: 'head',
  read: (part: string, head: number, size: number, norm: string) =>
    `The ${part} of head ${head} has ${size} numbers and length ${norm}.`,
};
