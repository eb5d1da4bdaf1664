export const en = {
  name: 'Filing cabinet',
  title: 'A note with a question, and a cabinet of folders to hold it against',
  lede: 'The query is a sticky note: what the word looks for. Each word so far has a folder. Its label is the key, its content the value. The better note and label match, the more of the content goes into the blend.',
  notes: [
    {
      article: 'The value vector is multiplied with each key to score them.',
      model:
        'The query is what meets each key. Values are the contents: they are blended once the shares are known.',
    },
  ],
  drawing: 'The cabinet of this head',
  note: (word: string) => `What “${word}” looks for`,
  query: 'query',
  key: 'label: key',
  value: 'content: value',
  phases: [
    'The note: the query of this word.',
    'The labels: a key for each word so far.',
    'Note and label are held against each other: query · key, divided by the root of their length.',
    'Softmax makes shares of the matches.',
    'Each content fades to its share.',
    'What is left is laid over each other: the blend.',
  ],
  match: 'match',
  share: 'share',
  blend: 'The blend: what the head passes on',
  same: 'Blended in this page from the folders; from the head’s own output it is at most',
  away: ' away.',
  off: 'This head is switched off, so what it passes on is not the blend.',
  others: (n: string, share: string) =>
    `The folders that match best are drawn; ${n} others, ${share} of the blend, are not.`,
  hint: 'Space plays it. Folders carry the position of their word. Bars show matches from the worst to the best, then shares. A click on a folder asks for its share, on a strip for its entry. Contents fade with the root of their share.',
};
