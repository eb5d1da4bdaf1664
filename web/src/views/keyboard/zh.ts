import type { en } from './en';

export const zh: typeof en = {
  name: '输入法',
  title: '语言模型就像会猜下一个词的输入法',
  lede: '在模型词表的全部词元中，最可能接在你的文本之后的十个。点击其中一个，或按对应的数字键，它就成为文本的一部分。',
  notes: [
    {
      article:
        'GPT-2 就是手机输入法里的“下一词预测”，只是规模大得多；原文图中的词表有 5,000 个词。',
      model:
        '它在每一步都给词表里的每一项打分：整词、词的一部分、单个字节。列表只显示十个，最后一行是其余全部。',
    },
  ],
  words: '接下来是什么',
  after: (token) => `“${token}”之后是什么`,
  full: (n) => `${n} 个位置都已占满，模型无法再读入词元。`,
  read: (first, p, second, p2) =>
    `在这段文本之后，模型给 ${first} 的概率是 ${p}，给 ${second} 的是 ${p2}。`,
  tree: '你的选择',
  treeEmpty: '接上一个词试试：每个选择都会在这里长成一条分支，回退也不会丢失任何一条。',
  start: '开头',
  undo: '撤销',
  goTo: (text) => `回到：${text}`,
  on: '续写',
  stop: '停止',
  onTitle: '让模型用一个随机种子自行采样 20 个词元',
  sizes: '这样的输入法有多大',
  sizesNote:
    '占用的存储字节数，按同一比例。手机输入法的数字取自原文；GPT-2 按其配置、每个参数四字节计算；本模型按实际载入的张量计算。',
  phone: '手机输入法',
  phoneSource: '原文所说的 SwiftKey',
  small: 'GPT-2 small',
  xl: 'GPT-2 XL',
  this: (name) => `本模型：${name}`,
  parameters: (n) => `${n} 个参数`,
  in: (dtype) => `${dtype} 精度`,
  exact: 'float32',
};
