import type { en } from './en';

export const zh: typeof en = {
  name: '块与掩码',
  title: '三种块，以及掩码挡住了什么',
  lede: 'GPT-2 的块就是解码器的块，去掉了看编码器的那一层。剩下的与编码器的块只差一点：在每个位置，掩码遮住后面的所有位置。',
  notes: [
    {
      article: '编码器的块接受 512 个词元；图中解码器的块也是如此。',
      model: '512 是 BERT 的上限，不是块的上限：位置矩阵有多少行，模型就有多少个位置。',
    },
  ],
  anatomy: '三种块并排看',
  kinds: { encoder: '编码器块', decoder: '解码器块', only: '只有解码器：GPT-2' },
  layers: {
    open: '自注意力',
    masked: '掩码自注意力',
    cross: '对编码器的注意力',
    feed: '前馈网络',
    norm: '层归一化',
  },
  positions: (n) => `最多 ${n} 个词元`,
  slider: (n) => `正在计算位置 ${n}`,
  reads: (kind, n, all) => `${kind}：读 ${all} 个词元中的 ${n} 个`,
  anatomyNote:
    '正在计算的位置有深色边框；它读的是紫色的，掩码遮住的画斜线。第三个块下面的数字来自这个模型；它的层归一化在每个部分之前，最初的 Transformer 则在其后。',
  flip: '去掉掩码',
  on: '有掩码',
  off: '无掩码',
  key: 'm',
  flipNote:
    '同样的权重，同样的文本；只是所有块里都没有了掩码。每个位置现在能读到它本该预测的词，却从没学过怎么用。',
  untrained: '从未这样训练过',
  bound: '有掩码，如训练时',
  free: '没有掩码',
  invite: '去掉掩码，没有它时模型给出的词就会出现在这里，与真实的并排。',
  changed: (word, before, after) => `“${word}”在有掩码时占 ${before}，没有掩码时占 ${after}。`,
  pattern: (layer, head) => `第 ${layer} 块第 ${head} 头的注意力`,
  weight: '注意力',
  hidden: '被掩码遮住',
  opened: '个格子打开了，全在对角线以上',
  below: '个格子在别处打开',
  future: '的注意力现在落在后面的词上',
  read: (q, k, percent) => `在 ${q}，${percent} 的注意力落在 ${k} 上。`,
  long: '文本较长：图中是取整后的值，因此不据此计数。',
  corner: '查询',
  pick: '点选一个格子，可看它的权重是怎么算出来的。',
};
