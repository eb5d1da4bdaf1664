import type { en } from './en';

export const zh: typeof en = {
  name: '四词元工作台',
  title: '小到可以手算的自注意力',
  lede: '四个词元，每个三个数，一个头，没有掩码。改动 x 或 W 中的任何一个数，看随之而变的是什么。',
  notes: [
    {
      article: '有些转载和译文写成：打分需要查询向量和值向量。',
      model: '分数来自查询和键；值只在之后求和时才用到。',
    },
    {
      article: '分数就是查询与键的乘积。',
      model:
        '在 softmax 之前还要除以头宽的平方根：这里是 √3，GPT-2 中是 √64。否则头越宽，权重就越接近非零即一。',
    },
  ],
  sheet: '工作表',
  live: '取自模型',
  round: '小而整的数',
  isLive: (layer, head) =>
    `x 是第 ${layer} 块中每个词元经层归一化后的前三个数；W 是第 ${head} 头权重的左上角，三乘三。其余的数和偏置都略去，所以结果不是模型自己的。`,
  isRound: '这是玩具：这些数不在任何模型里。',
  isOwn: '这是你自己的数。地址会记住它们：本页的链接显示同一张表。',
  noRoom: '这个模型的头不足三个数；这里用的是玩具。',
  blocks: {
    x: 'x，各词元',
    wq: '查询的 W',
    wk: '键的 W',
    wv: '值的 W',
    q: '查询',
    k: '键',
    v: '值',
    scores: '分数',
    scaled: '除以 √3',
    weights: 'softmax',
    z: '求和',
  },
  steps: {
    given: '给定',
    vectors: '1. 查询、键和值',
    scores: '2. 打分',
    sum: '3. 求和',
  },
  token: (n) => `词元 ${n}`,
  cell: (name) => `格子 ${name}`,
  given: '给定：可输入别的数',
  choose: '选一个格子，看它的公式。',
  row: '行',
  number: (n) => `第 ${n} 个数`,
  invalid: (text) => `“${text}”不是数；保留原来的。`,
  python: '用 Python 重算',
  pythonNote: 'numpy 会给出每一个格子。',
  copy: '复制',
  copied: '已复制',
  keys: '方向键和回车在格子之间移动。参与计算所选格子的那些格子会被标出。',
};
