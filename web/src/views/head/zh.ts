import type { en } from './en';

export const zh: typeof en = {
  name: '一个注意力头',
  title: '一个查询遇上每一个键，从每一个值里各取一些',
  lede: '最新的词用它的查询来问，前面的每个词用键来答，这些键缓存里都留着。越匹配，就从那个词的值里取得越多。',
  notes: [
    {
      article: '2.1 节第二步，有些转载和译文写成：打分只用查询和值。',
      model: '打分是查询乘键。值要到之后求和时才用到。',
    },
    {
      article: '分数是查询与键的乘积。',
      model: '还要除以向量长度的平方根：GPT-2 里是 √64。',
    },
  ],
  drawing: '这个注意力头在这一步做什么',
  query: (word) => `“${word}”的查询`,
  columns: {
    key: '键',
    product: '查询 × 键',
    dot: '和',
    score: (K) => `÷ √${K}`,
    weight: 'softmax',
    value: '值 × 份额',
  },
  phases: [
    '算出最新词的查询。',
    '键：前面词的键来自缓存，只有一个是新的。',
    '查询与键逐项相乘。',
    '把乘积加起来：每个词一个分数。',
    '分数除以向量长度的平方根。',
    'Softmax 把分数变成份额，合计为 1。',
    '每个值按份额变淡。',
    '把剩下的加起来：这个头的输出。',
  ],
  cached: '来自缓存',
  made: '刚算出',
  uncached: '重新计算',
  output: '和 = 这个头的输出',
  others: (n, share) => `只画出份额最大的词；其余 ${n} 个共占注意力的 ${share}。`,
  entry: (i) => `第 ${i} 项`,
  times: '查询 × 键，对',
  hint: '按空格逐步播放。指向一项可读数，点击可看它怎样算出。值按份额的平方根变淡。',
  token: (text, i) => `${text} · ${i}`,
  corner: '键属于',
  readRow: (word, score, share) => `“${word}”的键得分 ${score}，分到 ${share}。`,
  strip: (what, word) => `${what}：${word}`,
};
