import type { en } from './en';

export const zh: typeof en = {
  name: '一摞块，两种语言',
  title: '翻译就是用另一种语言写下去的文本',
  lede: '不需要编码器：原文、一个标记和译文是一行词元，模型学会在标记后面写下去。它写的词会回头看它读过的词。',
  notes: [
    {
      article: '做翻译并不需要编码器。纯解码器的 Transformer 也能做，每行是“原文，to-fr，译文”。',
      model:
        '标记是词表里的一个词元，绝不由文本变成。哪一边计入损失、原文是否双向阅读，文章没有说；两者这里都画出来，项目也都测了。',
    },
  ],
  rows: '成对的文本作为训练行',
  rowsNote:
    '每一行对模型来说都是一段文本。词元下的横条表示预测它是否计入；第一个词元从不被预测。方块里每行是一个在读的词元，每列是一个被读的；虚线处译文开始。',
  row: (n) => `第 ${n} 行`,
  loss: '损失取自',
  losses: { target: '译文', both: '两边' },
  mask: '掩码',
  masks: { causal: '因果', prefix: '前缀' },
  token: '词元',
  side: '哪边',
  sides: { source: '原文', marker: '标记', target: '译文', end: '结束' },
  counts: '计入',
  countsHere: '预测它计入损失',
  countsNot: '只读',
  seesShort: '看见',
  yes: '是',
  no: '否',
  taught: (marker, loss, mask) => `这个模型用标记 ${marker} 学成，损失取自${loss}，${mask}掩码。`,
  untaught: '这个模型没有学过成对的文本：这些行表示会怎样为它排列，标记则要加进它的词表。',
  source: '原文',
  target: '译文',
  sees: (word, n, both) =>
    both
      ? `“${word}”看见原文和标记的全部 ${n} 个词元，后面的也看见。`
      : n === 1
        ? `“${word}”只看见自己。`
        : `“${word}”看见 ${n} 个词元，最后一个是自己。`,
  due: (word, counts) =>
    counts ? `它后面该出现“${word}”，计入损失。` : `它后面是“${word}”，什么也不计。`,
  last: '这一行到此结束。',
  square: (mask, n) => `${n} 个词元谁看见谁：${mask}掩码`,
  alignment: '写每个词时看了哪里',
  alignmentNote:
    '一个词在它前一个词元之后写出：线是那个位置的注意力。对面前的词画出通向原文的所有线，对之前的词只画最强的一条。注意力是一个块从哪里读，不是词典。',
  stages: { all: '所有头', one: '一个头' },
  noTask: '这个模型没有学过翻译，所以这里没有可画的。翻译模型这样做成、这样来看：',
  sentence: '句子',
  write: (marker) => `在 ${marker} 后面写下去`,
  noMarker: (marker) =>
    `文本里还没有带原文的 ${marker}。输入一个句子：标记会加在后面，模型逐个写出最可能的词。`,
  prefixRead:
    '这个模型翻译时双向阅读原文和标记。探索器从左到右读每段文本，所以这里的下一个词可能与 cutaway translate 的不同。',
  nothingYet: '还没有写出词。往前一步，添一个词，或让模型写下去。',
  written: '写出的词',
  wordAt: (n, word) => `第 ${n} 个词：${word}`,
  wrote: (word, parts) => `写“${word}”时看着 ${parts}。`,
  nth: (word, n) => `${word}（第 ${n} 个词元）`,
  mean: (layer) => `第 ${layer} 块各头的平均`,
  head: (layer, head) => `第 ${layer} 块，第 ${head} 头`,
  noVocabulary: '这个模型没有分词器，所以无法把行切成它的词元。',
};
