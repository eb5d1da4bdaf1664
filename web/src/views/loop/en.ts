export const en = {
  name: 'Loop',
  title: 'What comes out at the top goes in again at the bottom',
  lede: 'GPT-2 gives one token at a time, like every language model. The token joins the text, and the longer text is read for the next one: this is auto-regression.',
  notes: [
    {
      article:
        'BERT is not auto-regressive; in exchange it sees the words on both sides of a place.',
      model:
        'This model sees the left side only, at all times, also in a text that is already there. Both sides is a drawing here: no BERT is loaded.',
    },
  ],
  drawing: 'Out at the top, in at the end',
  law: 'First law of robotics',
  lawTitle: 'Write the beginning of the first law of robotics, and let this model go on',
  lawText: 'A robot may not injure a human being',
  greedy: 'Always the likeliest',
  drawn: 'Drawn by lot',
  seed: 'Seed',
  next: 'Next turn',
  model: (layers: number) => `GPT-2, ${layers} blocks`,
  play: 'Space plays: each turn reads the whole text and adds one token to it. With the same seed the text is always the same.',
  full: (n: string) => `All ${n} positions are taken: the loop ends here.`,
  read: (n: string, token: string, percent: string) =>
    `The model has read ${n} tokens; out comes “${token}”, the likeliest, with ${percent}.`,
  readDrawn: (n: string, token: string, percent: string) =>
    `The model has read ${n} tokens; out comes “${token}”, drawn with a chance of ${percent}.`,
  rows: 'Turn by turn',
  turn: 'Turn',
  at: (q: number) => String(q + 1),
  input: 'goes in',
  output: 'comes out',
  own: 'the likeliest there',
  given: 'given by you or drawn',
  same: 'the same',
  earlier: (n: string) => `… ${n} earlier turns`,
  rowsNote:
    'The model gives a next token at every place. In a text that you wrote, yours goes on instead of its own.',
  sight: 'Who sees whom',
  left: 'Sees left only',
  both: 'Sees both sides',
  sightLeft: (token: string, seen: string, n: string) =>
    `“${token}” sees ${seen} of ${n} tokens: itself and those before it. This is how the model works.`,
  sightBoth: (token: string, n: string) =>
    `“${token}” sees all ${n} tokens, as in BERT. A drawing: this model was trained to see left only, and no BERT is loaded. Section 1.4 takes the mask off and shows what becomes of it.`,
  corner: 'from, to',
  yes: 'sees',
  no: 'hidden',
};
