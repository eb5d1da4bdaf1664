import type { en } from './en';

export const zh: typeof en = {
  name: '残差之河',
  title: '向量从不被替换，只被加上新的部分',
  lede: '它在最下面是嵌入。每一块先加上注意力带来的，再加上 MLP 由此算出的。在每个高度都可以问最后一层：如果到此为止，下一个词会是什么？',
  notes: [
    {
      article: '一个块处理词元，并把得到的向量送往上面的块。',
      model:
        '一个块送上去的，是它收到的向量再加上它自己的两项。图中没有画的层归一化在每一部分的入口，而不在残差流上。',
    },
  ],
  drawing: '某个位置上的残差流',
  source: { wte: '词元嵌入', wpe: '位置嵌入' },
  attention: (layer) => `第 ${layer} 块：注意力`,
  mlp: (layer) => `第 ${layer} 块：MLP`,
  part: '加入',
  adds: '长度',
  cosine: '余弦',
  stream: '残差流',
  push: '推力',
  pushTitle: (word) => `这一部分给模型所选“${word}”的 logit 加了多少`,
  pushes: (word) =>
    `推力是这一部分给“${word}”的 logit 加的值（最后的层归一化取其实际尺度）；全部推力加上层归一化自身的`,
  constant: '等于',
  says: '会输出',
  legend:
    '宽度就是向量的长度，比例一致。与残差流同向的部分从下方汇入，反向的从上方，垂直的从侧面：画出的角度就是真实的角度。',
  at: (word, n) => `在“${word}”之后，位置 ${n}`,
  attentionKey: '注意力',
  mlpKey: 'MLP',
  streamKey: '残差流',
  lens: '每个高度会说什么',
  lensNote:
    'logit 透镜：残差流的每个位点都经过最后的层归一化和嵌入矩阵。最上面一行是模型真正说的。颜色越深，概率越高或名次越靠前；若所跟踪的词就是最可能的，则用粗体。选一个格子，就在所有高度和位置上跟踪它的词。',
  embedding: '嵌入',
  follow: (word) => `正在跟踪“${word}”`,
  own: '正在跟踪模型最后说的词',
  reset: '重新跟踪最后的词',
  colour: '格子显示',
  tell: { best: '最可能的词', prob: '所跟踪的词', rank: '它的名次' },
  rank: '第',
  corner: '位点',
  read: (word, site, best, p) => `在“${word}”之后，${site} 会以 ${p} 说“${best}”。`,
  followed: (word, rank, p) => `“${word}”在那里排第 ${rank}，${p}。`,
  window: (a, b, n) => `位置 ${a} 到 ${b}，全文共 ${n} 个词元`,
};
