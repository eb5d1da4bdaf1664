import type { en } from './en';

export const zh: typeof en = {
  name: '四倍宽度',
  title: 'MLP 把向量展宽到四倍，再收回来',
  lede: '每个神经元在向量里寻找一个方向，经过 GELU，再把自己的那一行加到残差流上。那一行可以读成词。',
  notes: [
    {
      article: '第一层的宽度是模型宽度的四倍：4 × 768 = 3,072（中文译文里缺了这个数）。',
      model: '各种大小的模型都是这个比例。两层之间是 tanh 形式的 GELU，结果加到残差流上。',
    },
  ],
  curve: (n) => `${n} 个神经元在 GELU 曲线上`,
  curveNote:
    '曲线下面每一道是一个神经元经过 GELU 之前的值，曲线上的点是它之后的值。零的左边 GELU 几乎什么也不放过。在点附近点一下，选中一个神经元。',
  pre: 'GELU 之前',
  post: 'GELU 之后',
  active: '大于零的：',
  colon: '：',
  of: (n) => ` 个，共 ${n} 个`,
  strongest: '最强的神经元和它们的词',
  by: '排序依据',
  kinds: { contribution: '所加向量的长度', activation: '激活', push: '推力' },
  neuron: '神经元',
  length: '长度',
  push: (word) => `对 ${word} 的推力`,
  promotes: '抬高',
  demotes: '压低',
  off: '关掉',
  switchOff: (n) => `关掉神经元 ${n}`,
  switchOn: (n) => `打开神经元 ${n}`,
  offNow: '这一块里已关掉的',
  rest: '其余所有神经元',
  bias: '偏置',
  all: 'MLP 加的量',
  words: '接下来是什么',
  unedited: '所有神经元都打开时',
  same: '还没有关掉任何神经元：在表里点一个。',
  reset: '全部打开',
  moved: (word, p, now, rank, rankNow) =>
    `${word}：之前 ${p}，现在 ${now}；名次之前第 ${rank}，现在第 ${rankNow}。`,
  drawing: '展宽再收回',
  in: (d) => `进来 ${d} 个数，已归一化`,
  wide: (d, n) => `× ${d} × ${n} + b，再经 GELU：${n} 个神经元`,
  back: (n, d) => `× ${n} × ${d} + b：MLP 加进残差流的量`,
  sum: '加到残差流上：这一块的输出',
  made: '走完了。',
  madeNote: (layer, more) =>
    more === 0
      ? `第 ${layer} 块是最后一块：接下来是最后的层归一化和分数。`
      : `这是第 ${layer} 块。还有 ${more} 块做同样的事，各用自己的权重。`,
  next: '下一块',
  top: '到顶端：分数',
  corner: '神经元',
  read: (n, pre, post, words) =>
    `神经元 ${n} 在 GELU 之前是 ${pre}，之后是 ${post}；它抬高 ${words}。`,
};
