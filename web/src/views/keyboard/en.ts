export const en = {
  name: 'Keyboard',
  title: 'A language model is a keyboard that suggests the next word',
  lede: 'The ten likeliest continuations of your text, out of all tokens that the model knows. Click one, or press its digit, and it becomes part of the text.',
  notes: [
    {
      article:
        'GPT-2 is the next-word prediction of a keyboard app, only larger; the vocabulary of its drawings has 5,000 words.',
      model:
        'It scores every entry of its vocabulary at every step: words, parts of words, single bytes. The list shows ten of them; the last row is all the others.',
    },
  ],
  words: 'What comes next',
  after: (token: string) => `What comes after “${token}”`,
  full: (n: string) => `All ${n} positions are taken: the model can read no further token.`,
  read: (first: string, p: string, second: string, p2: string) =>
    `After this text the model gives ${p} to ${first} and ${p2} to ${second}.`,
  tree: 'Your choices',
  treeEmpty: 'Append a word: each choice becomes a branch here, and none is lost when you go back.',
  start: 'start',
  undo: 'Undo',
  goTo: (text: string) => `Back to: ${text}`,
  on: 'Write on',
  stop: 'Stop',
  onTitle: 'Let the model add 20 tokens of its own, drawn with a seed',
  sizes: 'How large such a keyboard is',
  sizesNote:
    'Bytes of storage, all on one scale. The phone keyboard is the one that the article names; GPT-2 is counted from its configuration at four bytes a parameter; this model from its own tensors as they are loaded.',
  phone: 'Phone keyboard',
  phoneSource: 'SwiftKey, as the article has it',
  small: 'GPT-2 small',
  xl: 'GPT-2 XL',
  this: (name: string) => `This model: ${name}`,
  parameters: (n: string) => `${n} parameters`,
  in: (dtype: string) => `in ${dtype}`,
  exact: 'float32',
};
