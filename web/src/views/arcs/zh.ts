import type { en } from './en';

export const zh: typeof en = {
  name: '它 → 机器人',
  title: '读一个词时，模型会回头看别的词',
  lede: '选一个词：这一块里的每个头都把注意力分给这个词和它前面的词。弧线有多宽，份额就有多大。',
  notes: [
    {
      article:
        '自注意力在读 “it” 时把 50% 给 “robot”，30% 给 “a”，19% 给 “it”：代词就此与所指连上。',
      model:
        '每一块的每个头都有自己的份额，多数在做别的事。有没有头去看代词所指，可以搜索：选定两个词，所有头就按此排序。',
    },
  ],
  drawing: '谁在看哪里',
  asks: '正在读的词',
  looked: '被看的词',
  choose: '点击选择',
  law: '文章里的句子',
  token: (n, text) => `第 ${n} 个词元：${text}`,
  nth: (word, n) => `${word}（第 ${n} 个词元）`,
  heads: '这一块的各个注意力头',
  all: '所有头',
  head: (n) => `第 ${n} 头`,
  headIn: (layer, head) => `第 ${layer} 块，第 ${head} 头`,
  reads: (layer, head, word) => `读“${word}”时，第 ${layer} 块第 ${head} 头分出`,
  to: '给',
  comma: '，',
  and: '，另有 ',
  stop: '。',
  others: (n) => `给其余 ${n} 个词元`,
  weaker: (n, share) => `只画最强的 300 条弧；另有 ${n} 条较弱的，占全部注意力的 ${share}。`,
  most: '最多给',
  finder: '找出这样看的头',
  by: {
    weight: '这对词',
    previous: '前一个词',
    first: '第一个词',
    repeat: '上次的下一个词',
  },
  about: {
    weight: (q, k) => `模型的每个头从“${q}”看向“${k}”的权重。`,
    previous: () => '对前一个词元的平均权重，取自整段文本。',
    first: () => '对第一个词元的平均权重，取自整段文本。',
    repeat: (n) => `对同一词元上次出现后所接词元的平均权重（归纳头），取自有重复的 ${n} 个位置。`,
  },
  none: '这段文本看不出来：至少要两个词元；若看重复，则要有出现两次的词元。',
  more: (n) => `全部 ${n} 个头`,
  fewer: '最强的十二个',
  corner: '头',
  row: (head, parts) => `第 ${head} 头分出 ${parts}。`,
  part: (share, word) => `${share} 给 ${word}`,
};
