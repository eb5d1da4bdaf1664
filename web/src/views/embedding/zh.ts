import type { en } from './en';

export const zh: typeof en = {
  name: '嵌入',
  title: '词元变成一行数字，它的位置也是',
  lede: '嵌入矩阵中词元的那一行，与位置矩阵中位置的那一行相加。第一块得到的就只有这个和。',
  notes: [
    {
      article: 'GPT-2 认识 50,000 个词（有些转载和译文写成 5,000）。',
      model:
        'GPT-2 的词表有 50,257 项：256 个字节、50,000 次合并和文本结束符；这个模型的词表每一项占矩阵的一行。同一个矩阵在顶端再用一次，给每个词元打分。',
    },
  ],
  drawing: '两行与它们的和',
  matrix: (name, rows, columns) => `${name}：${rows} × ${columns}`,
  pooled: '小图中每一格是矩阵中一小片的平均。',
  token: (word, id) => `第 ${id} 行，“${word}”`,
  position: (n) => `第 ${n} 行，位置 ${n}`,
  sum: 'x₀ = 词元 + 位置',
  equal: (n, all) => `${all} 个数中有 ${n} 个与模型算出的 float32 值逐比特相同。`,
  cell: '序号',
  choose: '指向一格可读出它的三个数；点击和的一格可看它怎样算出。',
  near: '最近的词元',
  nearNote: (norm, mean) =>
    `嵌入矩阵各行之间的余弦。这一行的长度是 ${norm}，所有行的平均长度是 ${mean}。`,
  back: '回到文本的词元',
  of: (word) => `“${word}”的邻居`,
  map: '全部词元的地图',
  mapNote: (a, b) =>
    `每个点是一个词元，按嵌入矩阵的前两个主成分摆放，它们占方差的 ${a} 和 ${b}：地图上近，在矩阵里不一定近。`,
  chosen: '这个词元',
  nearest: '余弦最近的词元',
  inText: '文本中的词元',
  under: '指向地图可读那里的词元。',
  corner: '行',
  rows: ['词元', '位置', '和'],
  read: (row, i, value) => `${row}的第 ${i} 个数是 ${value}。`,
};
