import { count } from '../../core/numbers';

export const en = {
  name: 'All heads',
  title: 'Every head of every block, over the whole text',
  lede: 'Each small square is one head: rows are the words that read, columns the words they look at. Choose one to see it whole, and a cell to see its number.',
  notes: [
    {
      article: 'Three of the twelve heads of one block are drawn.',
      model:
        'Here are all heads of all blocks, with the text as long as it is. A slanted line is a head that looks a fixed way back, a standing one a word that many others look at.',
    },
  ],
  all: 'All heads',
  whole: (layer: number, head: number) => `Block ${layer}, head ${head}`,
  headOf: (n: number) => `head ${n}`,
  blockOf: (n: number) => `block ${n}`,
  coming: (here: number, n: number) => `${here} of ${n} blocks are here.`,
  pooled: (n: number, size: number) =>
    `Each point is the largest weight of a part: ${count(n)} × ${count(n)} cells in ${size} × ${size} points.`,
  axes: 'Up: blocks, the first at the bottom. Across: heads.',
  fill: (n: number) => `Repeat the text to ${count(n)} tokens`,
  fillTitle:
    'The same words again and again: a head that looks at what came next last time shows slanted lines',
  legend: 'weight',
  masked: 'hidden by the mask',
  move: 'Ctrl and wheel come closer, dragging moves, a click asks for the number.',
  reads: (word: string) => `Reading “${word}”, this head gives`,
  to: 'to',
  comma: ', ',
  and: ', and ',
  others: (n: number) => `to ${count(n)} other ${n === 1 ? 'token' : 'tokens'} together`,
  stop: '.',
  pair: (q: string, k: string) => `“${q}” looks at “${k}”`,
  gives: 'with weight',
  token: (text: string, i: number) => `${text} · ${i}`,
  corner: 'reads ↓ looks at →',
  cornerHeads: 'block ↓ head →',
  readRow: (word: string, parts: string) => `Reading “${word}”, it gives ${parts}.`,
  part: (share: string, word: string) => `${share} to ${word}`,
  readBlock: (layer: number, head: number, share: string, q: string, k: string) =>
    `In block ${layer}, head ${head} looks most from “${q}” to “${k}”: ${share}.`,
};
