export const en = {
  name: 'Token path',
  title: 'Each token climbs the stack along a path of its own',
  lede: 'Only the track of the newest token is computed. Those before it have left a key and a value in every block, and that is all the newest one needs of them.',
  notes: [
    {
      article:
        'The model processes one token at a time, and picks the likeliest word, “the”, to begin with.',
      model:
        'One at a time is how it writes. A text that you give it is read in one go, all tracks side by side, with the same result.',
    },
  ],
  drawing: 'The stack at this step',
  block: (i: number) => `block ${i}`,
  earlier: (n: string) => `${n} earlier`,
  key: 'key, kept',
  value: 'value, kept',
  made: 'made at this step',
  path: 'path of the newest token',
  reads: 'attention to earlier tokens, mean of all heads',
  position: (n: number) => `position ${n}`,
  alone: 'Start with nothing',
  aloneTitle: (eot: string) => `Start from ${eot} alone, and let the model ramble`,
  play: 'Space plays: at the top the likeliest token joins the text, and the next track lights up.',
  top: 'At the top of the stack',
  loop: (phrase: string, times: string) =>
    `Caught in a loop: “${phrase}” comes ${times} times in a row.`,
  escape:
    'Always taking the likeliest token can go round for ever. Take the second or third, and watch the text leave the circle.',
  counters: 'Counted by the server',
  tracks: 'tracks computed at this step',
  of: (n: string) => `of ${n}`,
  beyond: (n: string, percent: string) =>
    `The ${n} tokens to the left of the drawing get ${percent} of the attention, mean of all blocks and heads.`,
  kept: 'keys and values reused',
  bytes: 'held in the cache',
  work: 'multiply-adds of this step',
  uncached: 'without the cache it would take',
  computed: 'computed now',
  cached: 'from the cache',
  ahead: 'not yet',
  read: (layer: number, token: string, n: number) =>
    `Block ${layer} is computed for ${token} alone; it reads the keys and values of ${n} earlier tokens from the cache.`,
  corner: 'block',
};
