import type { en } from './en';

export const zh: typeof en = {
  name: '循环',
  title: '顶端输出的词元，又回到底端作为输入',
  lede: '和所有语言模型一样，GPT-2 一次给出一个词元。它接到文本末尾，变长的文本再读一遍，得到下一个：这就是自回归。',
  notes: [
    {
      article: 'BERT 不是自回归的；以此换来的是，它能同时看到一个位置左右两侧的词。',
      model:
        '这个模型始终只看左侧，在已有的文本中也是如此。“看两侧”在这里只是示意：并没有载入 BERT。',
    },
  ],
  drawing: '顶端输出，接回末尾',
  law: '机器人第一定律',
  lawTitle: '写下机器人第一定律的开头，让这个模型接着写',
  lawText: 'A robot may not injure a human being',
  greedy: '总取最可能的',
  drawn: '按概率采样',
  seed: '种子',
  next: '走一轮',
  model: (layers) => `GPT-2，${layers} 个块`,
  play: '按空格播放：每一轮读入整段文本，再接上一个词元。同一种子总是得到同样的文本。',
  full: (n) => `${n} 个位置已全部用完：循环到此为止。`,
  read: (n, token, percent) => `模型读了 ${n} 个词元，输出最可能的“${token}”，概率 ${percent}。`,
  readDrawn: (n, token, percent) =>
    `模型读了 ${n} 个词元，采样得到“${token}”，它的概率是 ${percent}。`,
  rows: '一轮一轮地看',
  turn: '轮次',
  at: (q) => String(q + 1),
  input: '读入',
  output: '接上',
  own: '此处最可能的',
  given: '由你给出或采样得到',
  same: '相同',
  earlier: (n) => `…… 前面还有 ${n} 轮`,
  rowsNote: '模型在每个位置都会给出下一个词元。在你写的文本里，接下去的是你的词，而不是它的。',
  sight: '谁能看到谁',
  left: '只看左侧',
  both: '看两侧',
  sightLeft: (token, seen, n) =>
    `“${token}”看得到 ${n} 个词元中的 ${seen} 个：它自己和它之前的。这个模型就是这样工作的。`,
  sightBoth: (token, n) =>
    `“${token}”看得到全部 ${n} 个词元，如同 BERT。这只是示意图：这个模型训练时只看左侧，也没有载入 BERT。1.4 节会去掉掩码，看看结果怎样。`,
  corner: '从、到',
  yes: '可见',
  no: '被遮住',
};
