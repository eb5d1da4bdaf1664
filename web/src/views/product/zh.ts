import { count } from '../../core/numbers';
import type { en } from './en';

export const zh: typeof en = {
  name: '一个大乘积',
  title: '一次乘法同时得出所有头的查询、键和值',
  lede: '词元的向量与一个很宽的矩阵相乘。长长的结果切成三段，每一段再折成各个头。',
  notes: [
    {
      article: '词元的向量与这一块的权重矩阵相乘，再加上偏置。',
      model: '先有一次层归一化，图里省掉了：相乘的是归一化之后的向量。',
    },
  ],
  drawing: 'x × W + b',
  drawingNote:
    '矩阵缩小画出：每一小块的深浅是其中权重的最大绝对值，颜色表示它参与得出查询、键还是值。指向结果，就能看到得出它的那一行和那一列；点一下可以留住。',
  x: (d) => `x：${count(d)} 个数，已归一化`,
  w: (d, out) => `W：${count(d)} × ${count(out)}`,
  b: 'b',
  result: (out) => `结果：${count(out)} 个数`,
  sum: '结果中的一个数',
  sumOf: (part, head, i) => `${part}，第 ${head} 头，第 ${i} 个数`,
  input: '输入行',
  column: (j) => `权重第 ${count(j)} 列`,
  products: '逐个的乘积',
  total: '乘积之和',
  bias: '偏置',
  value: '结果',
  made: '它怎样得来？',
  fold: '切成三段，折成各头',
  foldNote: (heads, size) =>
    `${heads} 个头里三个站在前面，其余叠在后面；每个头 ${size} 个数。这里什么也不计算：同样的数换了位置，三段各用自己的色标。播放，或拖动时间。`,
  parts: ['查询', '键', '值'],
  head: (h) => `第 ${h} 头`,
  others: (n) => `还有 ${n} 个`,
  row: (part, head) => `${part} ${head}`,
  corner: '头',
  read: (part, head, size, norm) => `第 ${head} 头的${part}有 ${size} 个数，长度 ${norm}。`,
};
