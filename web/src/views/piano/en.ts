export const en = {
  name: 'Piano roll',
  title: 'A performance is a text of events, and each note looks back at others',
  lede: 'Keys go down and up, time goes on, loudness changes: 388 words are all that a piano needs. What each note looked at can be heard and seen.',
  notes: [
    {
      article:
        'The article’s last picture shows a query, the notes that it looks at, a colour for each head, and lines as wide as the softmax probability.',
      model:
        'Attention goes from event to event, and most events are no notes. A line here is the weight on the NOTE_ON of a note, and on its NOTE_OFF only where you add it; what goes to time and loudness stands in numbers beside it.',
    },
    {
      article: 'Events become one-hot vectors: SET_VELOCITY<80>, NOTE_ON<60>, TIME_SHIFT<500>.',
      model:
        'Names count what the vocabulary counts: time in steps of 10 ms (TIME_SHIFT_50 is half a second), loudness in 32 bins.',
    },
  ],
  needs:
    'This view needs a model whose words are the 388 events of piano performances, and this model has other words.',
  get: 'Such a model is made, and looked into, by:',
  switchTo: (name: string) => `Look into ${name}`,
  roll: 'The roll',
  rollNote:
    'The louder a note, the stronger its colour. Notes that the chosen one looks at are orange; a green ghost is an event that may come next: how long it lasts is not foretold.',
  open: 'Open MIDI',
  openTitle: 'A MIDI file of at most 1 MB; it may also be dropped on the roll',
  drop: 'Drop the MIDI file here',
  tooLarge: (size: string) => `The file has ${size}; a MIDI file of at most 1 MB is read.`,
  example: 'The article’s motif',
  exampleTitle: 'Bach, prelude in C major, BWV 846, four bars: a contour that returns',
  write: 'Model plays on',
  writeTitle: 'The model writes up to 200 events, and they are heard',
  stop: 'Stop',
  save: 'Save MIDI',
  opened: (notes: string, seconds: string) => `${notes} notes, ${seconds} s`,
  play: 'Play',
  pause: 'Pause',
  place: 'Place in the piece',
  speed: 'Speed',
  mute: 'Sound off',
  unmute: 'Sound on',
  atTime: (at: string, all: string) => `${at} of ${all} s`,
  layer: 'Block',
  looked: 'Look',
  stages: { written: 'as it was chosen', read: 'as it is read' },
  stageTitle: {
    written: 'The row of the event before it: what led to it',
    read: 'Its own row: what it gathers once it is there',
  },
  most: 'Arcs',
  least: 'From',
  ends: 'with the ends',
  endsTitle: 'Adds the weight on a note’s NOTE_OFF to that on its NOTE_ON',
  noteAt: (name: string, at: string) => `${name} at ${at} s`,
  note: (name: string, at: string, lasts: string, velocity: number) =>
    `${name} at ${at} s, ${lasts} s long, velocity ${velocity}`,
  noNotes: 'No note yet.',
  nothingBefore: 'The first event was chosen by nobody: nothing stands before it.',
  written: (event: string, layer: number, arcs: string) =>
    `What led to ${event}, in block ${layer}: ${arcs}.`,
  read: (event: string, layer: number, arcs: string) =>
    `What is read with ${event}, in block ${layer}: ${arcs}.`,
  arcs: (n: string) => (n === '1' ? 'one arc' : `${n} arcs`),
  noArcs: 'no look at a note is as strong as you ask for',
  best: (note: string, share: string, head: number) =>
    `the strongest goes to ${note}, ${share} of head ${head}`,
  weaker: (n: string, share: string) =>
    `Not drawn: ${n} weaker looks at notes, ${share} of one head’s attention together.`,
  list: 'The arcs, the strongest first',
  listNote: (ends: boolean): string =>
    ends
      ? 'Each number is the weight of one head on a note’s NOTE_ON and on its NOTE_OFF, added.'
      : 'Each number is the weight of one head on a note’s NOTE_ON: one entry of an attention row.',
  headOn: (head: number, note: string) => `head ${head}: ${note}`,
  weightOf: (layer: number, head: number, note: string) => `Block ${layer}, head ${head}: ${note}`,
  heads: 'Where each head’s attention goes',
  headsNote: 'All of a row, by the kind of event: every line adds up to 100%.',
  all: 'All heads',
  head: (n: number) => `head ${n}`,
  headShort: 'Head',
  toggle: (head: number, on: boolean) => `Head ${head}: ${on ? 'drawn' : 'not drawn'}`,
  kinds: {
    on: 'note begins',
    off: 'note ends',
    shift: 'time',
    velocity: 'loudness',
    other: 'other',
  },
  nextAfter: (event: string) => `Behind ${event}`,
  full: (n: string) => `All ${n} positions of the model are taken.`,
  ghost: (key: number, name: string, share: string) => `${key}: append ${name}, ${share}`,
  events: 'Events, and the vectors they are',
  eventsNote: (n: string) =>
    `Each event is a vector of ${n} zeros and a single one; a strip shows where it is.`,
  oneHot: (from: number, to: number) => `One-hot strips of the events ${from} to ${to}`,
  event: (n: number) => `Event ${n}, seconds: `,
  finder: 'Heads that look there',
  by: { peaks: 'Earlier peaks', pitch: 'The same pitch', previous: 'The note before' },
  about: {
    peaks: (n: string) =>
      `Weight on the NOTE_ONs of the ${n} earlier notes that are higher than the ones before and behind them.`,
    pitch: (n: string) => `Weight on the NOTE_ONs of the ${n} earlier notes of the same pitch.`,
    previous: (n: string) => `Weight on the NOTE_ONs of what was struck last before it (${n}).`,
  },
  noneAlike: 'There is no such note before this one.',
  noneChosen: 'Choose a note: no note is struck up to here.',
  more: (n: number) => `All ${n} heads`,
  fewer: 'The eight strongest',
  headIn: (layer: number, head: number) => `block ${layer}, head ${head}`,
  begins: 'Begins (s)',
  lasts: 'Lasts (s)',
  velocity: 'Velocity',
  corner: 'Note',
  nothing: '–',
  reads: (note: string, parts: string) => `${note}. The chosen event gives it ${parts}.`,
  part: (share: string, head: number) => `${share} in head ${head}`,
  notBefore: (note: string) => `${note}. It is not among what the chosen event could look at.`,
  comma: ', ',
};
