import type { en } from './en';

export const zh: typeof en = {
  name: '十二头合一',
  title: '各注意力头首尾相接，由一个矩阵合并',
  lede: '每个注意力头只与这个矩阵中属于它的那几行相乘，所以注意力加进残差流的是一个和，每个头一份。关掉一个头，看它在替哪些词说话。',
  notes: [
    {
      article: '各头的输出拼接起来，再乘第二个权重矩阵。',
      model:
        '确实如此，还要加一个偏置。然后是图里省掉的：结果加到进入这一块的残差流上，而不是取代它。',
    },
  ],
  drawing: '合并与投影',
  ends: (heads, size, d) => `${heads} 个头 × ${size}，首尾相接：${d} 个数`,
  head: (h) => `第 ${h} 头`,
  matrix: (d) => `× 投影矩阵，${d} × ${d}`,
  bias: '+ 它的偏置',
  out: '= 注意力加进残差流的量',
  before: '+ 进来的残差流',
  after: '= 继续流向 MLP 的残差流',
  cell: '点一格，看它怎样得来。',
  parts: '每个头加了什么',
  length: '长度',
  push: (word) => `对 ${word} 的推力`,
  pushOn: '对哪个词的推力',
  pushNote:
    '推力是这一份给该词的 logit 加的值（最后的层归一化取其实际尺度）。各份与偏置相加，就是注意力加进残差流的量。',
  biasRow: '偏置',
  sum: '各份之和',
  all: '注意力实际加的量',
  off: '已关',
  patched: '已替换',
  switchOff: (h) => `关掉第 ${h} 头`,
  switchOn: (h) => `打开第 ${h} 头`,
  patch: (h) => `第 ${h} 头取自对照`,
  patchShort: '取自对照',
  keep: '留作对照',
  keepTitle: '留住这个文本；然后另写一个，把头从这里取过去',
  kept: (text) => `对照文本：“${text}”。按住 Alt 点一个头，就从那里取。`,
  reset: '全部打开',
  words: '接下来是什么',
  unedited: '所有头都打开时',
  same: '还没有关掉任何头：点一个试试。',
  moved: (word, p, now, rank, rankNow) =>
    `${word}：之前 ${p}，现在 ${now}；名次之前第 ${rank}，现在第 ${rankNow}。`,
  corner: '部分',
  read: (part, norm, word, push) =>
    `${part} 加上一个长度为 ${norm} 的向量，给 ${word} 的 logit 加 ${push}。`,
};
