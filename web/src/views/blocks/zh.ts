import type { en } from './en';

export const zh: typeof en = {
  name: '块与掩码',
  title: '三种块，以及掩码挡住了什么',
  lede: 'GPT-2 的块就是解码器的块，只是去掉了看编码器的那一层。剩下的部分与编码器的块只有一点不同：在每个位置，掩码都遮住它之后的所有位置。',
  notes: [
    {
      article: '编码器的块最多接受 512 个词元；图中解码器的块也是如此。',
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
  slider: (n) => `正在计算第 ${n} 个词元`,
  reads: (n, all) => `读取 ${all} 个词元中的 ${n} 个`,
  beyond: (most, n) => `图中有 ${most} 个位置；这段文本有 ${n} 个词元`,
  anatomyNote:
    '正在计算的词元带粗边框；它能读到的为紫色，被掩码遮住的画斜线。第三个块是这个模型的：层归一化位于每个部分之前。最初的 Transformer 把它放在其后，图中从略；各部分外围的残差相加也从略。',
  flip: '去掉掩码',
  on: '有掩码',
  off: '无掩码',
  key: 'm',
  flipNote:
    '权重不变，文本不变，只是所有块里都没有了掩码。每个位置现在能直接读到它本该预测的词：模型从未这样训练过。',
  untrained: '从未这样训练过',
  bound: '有掩码，与训练时一致',
  free: '没有掩码',
  invite: '去掉掩码，模型在没有掩码时给出的词就会出现在这里，与有掩码时的并排对照。',
  changed: (word, before, after) => `“${word}”在有掩码时占 ${before}，没有掩码时占 ${after}。`,
  pattern: (layer, head) => `第 ${layer} 块第 ${head} 头的注意力`,
  weight: '注意力',
  hidden: '被掩码遮住',
  opened: '个格子打开了，全在对角线以上',
  below: '个格子在别处打开',
  future: '的注意力现在落在后面的词上',
  read: (q, k, percent) => `处理 ${q} 时，${percent} 的注意力落在 ${k} 上。`,
  long: '文本较长，颜色来自量化后的值，因此不据此计数。',
  corner: '查询',
  pick: '点选一个格子，可看它的权重是怎么算出来的。',
};
