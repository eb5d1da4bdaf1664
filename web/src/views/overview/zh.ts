import { count } from '../../core/numbers';
import type { en } from './en';

export const zh: typeof en = {
  name: '全部注意力头',
  title: '每一块的每一个注意力头，覆盖整段文本',
  lede: '每个小方块是一个注意力头：行是正在读的词，列是它所看的词。选一个头看全貌，再点一个格子看它的数值。',
  notes: [
    {
      article: '只画了某一块十二个头中的三个。',
      model:
        '这里是所有块的所有头，文本有多长就多长。斜线表示某个头看固定距离之前的词，竖线表示许多词都看的一个词。',
    },
  ],
  all: '全部注意力头',
  whole: (layer, head) => `第 ${layer} 块，第 ${head} 头`,
  headOf: (n) => `第 ${n} 头`,
  blockOf: (n) => `第 ${n} 块`,
  coming: (here, n) => `已到 ${here} 块，共 ${n} 块。`,
  pooled: (n, size) =>
    `每个点是一片区域中的最大权重：${count(n)} × ${count(n)} 个格子缩为 ${size} × ${size} 个点。`,
  axes: '向上：块，第一块在最下面。横向：头。',
  fill: (n) => `把文本重复到 ${count(n)} 个词元`,
  fillTitle: '同样的词反复出现：若有头会看“上次后面是什么”，就会显出斜线',
  legend: '权重',
  masked: '被掩码遮住',
  move: '按住 Ctrl 滚动可放大，拖动可移动，点击可查数值。',
  reads: (word) => `读“${word}”时，这个头把`,
  to: '给',
  comma: '，',
  and: '，另有 ',
  others: (n) => `分给其余 ${count(n)} 个词元`,
  stop: '。',
  pair: (q, k) => `“${q}”看“${k}”`,
  gives: '权重为',
  token: (text, i) => `${text} · ${i}`,
  corner: '读 ↓ 看 →',
  cornerHeads: '块 ↓ 头 →',
  readRow: (word, parts) => `读“${word}”时，${parts}。`,
  part: (share, word) => `${share} 给 ${word}`,
  readBlock: (layer, head, share, q, k) =>
    `第 ${layer} 块里，从“${q}”看“${k}”最多的是第 ${head} 头：${share}。`,
};
