export const en = {
  name: 'Embedding',
  title: 'A token becomes a row of numbers, and so does its place',
  lede: 'The token’s row of the embedding matrix and the position’s row of the position matrix are added. Their sum is all that the first block gets.',
  notes: [
    {
      article: 'The vocabulary in its drawings has 5,000 words.',
      model:
        'GPT-2’s vocabulary has 50,257 entries; the matrix has one row for each entry of this model’s. The same matrix is used again at the top, to score every token.',
    },
  ],
  drawing: 'Two rows and their sum',
  matrix: (name: string, rows: string, columns: string) => `${name}: ${rows} × ${columns}`,
  pooled: 'In the small pictures each cell is the mean of a patch of the matrix.',
  token: (word: string, id: string) => `row ${id}, “${word}”`,
  position: (n: string) => `row ${n}, position ${n}`,
  sum: 'x₀ = token + position',
  equal: (n: string, all: string) =>
    `${n} of ${all} numbers are equal, bit for bit in float32, to what the model computed.`,
  cell: 'number',
  choose: 'Point at a cell to read its three numbers; click the sum to see how it was made.',
  near: 'Nearest tokens',
  nearNote: (norm: string, mean: string) =>
    `Cosine between rows of the embedding matrix. This row is ${norm} long, the mean of all is ${mean}.`,
  back: 'Back to the text’s token',
  of: (word: string) => `of “${word}”`,
  map: 'Map of all tokens',
  mapNote: (a: string, b: string) =>
    `Each dot is a token, placed by the first two principal components of the embedding matrix, which hold ${a} and ${b} of its variance: near on the map is not always near in the matrix.`,
  chosen: 'this token',
  nearest: 'its nearest by cosine',
  inText: 'tokens of the text',
  under: 'Point at the map to read its tokens.',
  corner: 'row',
  rows: ['token', 'position', 'sum'],
  read: (row: string, i: number, value: string) => `Number ${i} of ${row} is ${value}.`,
};
