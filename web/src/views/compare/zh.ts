import type { en } from './en';

export const zh: typeof en = {
  name: '之前与之后',
  title: '逐词逐头，看看变了什么',
  lede: '两次运行并排：两个模型读同一段文本，一个模型读两段文本，或者一个模型少了某一部分。它们在哪里期待不同的词？哪些头改看了别处？',
  notes: [
    {
      article: '先在语言上预训练、再在摘要上微调的解码器，在样本很少时好过预训练的编码器-解码器。',
      model:
        '这是否成立，要测量，不能只说：最后一张图画的是本机实验写下的分数，并附上做法。没有实验，图就空着。',
    },
  ],
  stop: '。',
  beside: '与之并排',
  model: (name) => `模型 ${name}`,
  plain: '去掉改动',
  edited: '带着改动',
  asIs: '原样',
  headOff: (layer, head, on) => `${on ? '打开' : '关掉'}第 ${layer} 块第 ${head} 头`,
  headAt: (layer, head) => `第 ${layer} 块，第 ${head} 头`,
  kept: '第二次运行',
  thisText: '这次运行',
  otherText: '第二次运行',
  another: '或另一段文本',
  placeholder: '在此输入 …',
  read: '并排读它',
  hold: '留下这次运行',
  holdTitle: '把这次运行留作第二次：再改文本、模型或头，看看变了什么',
  keptText: '第二次运行读的是',
  words: '接下来是什么',
  wordsNote:
    '在下面文本所选的词之后，两次运行各自最可能的十个词。线连到另一列里的同一个词；若不在那十个里，线端写着它的名次。绿色实线：名次上升；橙色虚线：名次下降。',
  word: '词',
  probability: '概率',
  rank: '名次',
  none: '没有这个词元',
  listOf: (name) => `接下来的词，${name}`,
  moved: (rank, other) =>
    other === null ? `第 ${rank} 名；另一方没有这个词元` : `这里第 ${rank} 名，那里第 ${other} 名`,
  rest: (name) => `其余所有词，${name}：`,
  alone: (word) => `另一段文本在这里没有“${word}”，所以没有可并排的。请选两段都有的词。`,
  text: '在哪里分开',
  kl: '下一个词的散度',
  tells: { kl: '散度', nll: '意外程度' },
  nats: '奈特',
  mean: '全文平均：',
  apart: (word, nats) => `读完“${word}”之后，两者对下一个词的预期相差 ${nats} 奈特。`,
  surprised: (word, names, nats) =>
    `读到“${word}”时，${names[0]} 比 ${names[1]} 更意外 ${nats} 奈特。`,
  unshared: (word) => `“${word}”只在这段文本里，或在另一段的别处。`,
  first: (word) => `没有什么预测“${word}”：文本由它开始。`,
  twoVocabularies:
    '两个模型的词表不同。散度需要同一个词表，所以这里没有；颜色表示在相同字节处一方比另一方意外多少。',
  nothingShared: '两段文本没有可比的共同之处。',
  klNote:
    '每个词之后、整个词表上的 KL 散度 Σ p · (ln p − ln r)：p 属于这次运行，r 属于另一次。两者预期相同时为 0。斜线的词只在这段文本里。',
  nllNote: '意外程度是每个词所得概率的 −ln。橙色：这次运行更意外；青色：另一次更意外。',
  heads: '哪些头变了',
  corner: '层',
  of: { pattern: '注意力', output: '输出' },
  headSays: {
    pattern: (layer, head, share, n) =>
      `第 ${layer} 块，第 ${head} 头：在共有的 ${n} 个词上，平均 ${share} 的注意力移到了别处。`,
    output: (layer, head, share, n) =>
      `第 ${layer} 块，第 ${head} 头：在共有的 ${n} 个词上，它所加之差为两者长度之和的 ${share}。`,
  },
  ofNote: {
    pattern:
      '每行权重之差 |a − b| 之和的一半，再对所有行取平均：移动了的注意力份额。点击可看每一行。',
    output:
      '|x − y| / (|x| + |y|)，x 与 y 是一个头加到流里的全部：其中之一为零时等于 1。若两个模型并非由一个变来，比较的就是两个不同的空间。',
  },
  otherShape: (l, h, l2, h2) =>
    `一个模型有 ${l} × ${h} 个头，另一个有 ${l2} × ${h2} 个：没有头可以逐一比较。`,
  otherWidth: '两者的流宽度不同：各头所加的无法比较。',
  examples: '分数与样本数',
  experiment: '实验',
  nExamples: '样本数',
  protocol: '做法：',
  noExperiment: '没有可显示的实验。服务器会读训练运行文件夹里的每个 transfer.json：',
  makeOne:
    '分别用 1%、10% 和 100% 的样本，从训练好的模型和从零开始各微调一次，逐一评分，再用 cutaway.evals.examples.Experiment.save 写下分数。',
};
