/**
 * The one cursor as plain data, and as the hash of the page's address: any state is a link.
 *
 *   #v=keyboard&m=pocket.49dcf470&t=sAAEC&e=h3.1,n2.77,free&s=5&l=3&h=1&q=4&k=2&g=softmax&o=word.12&c=…
 *
 * Ids travel as base64url of little-endian numbers: `s` and 16 bits each, or `l` and 32.
 */
import { fromBase64Url, toBase64Url } from './base64';

export interface Patch {
  layer: number;
  head: number;
  run: string;
}

export interface Edits {
  heads_off: [layer: number, head: number][];
  neurons_off: [layer: number, neuron: number][];
  causal: boolean;
  patches: Patch[];
}

export const NO_EDITS: Readonly<Edits> = {
  heads_off: [],
  neurons_off: [],
  causal: true,
  patches: [],
};

/** All that a run is made of; its id is a hash of just this. */
export interface RunSpec {
  model: string;
  ids: number[];
  edits: Edits;
}

/** Names of small letters, values of letters, digits, `_` and `-`: they stand in the address as they are. */
export type Settings = Readonly<Record<string, string>>;

export interface Place {
  view: string;
  model: string;
  /** The beginning of the model's fingerprint: tells a link that was made for another model. */
  fingerprint: string;
  ids: number[];
  edits: Edits;
  /** Tokens shown, from 1; null shows all of them. */
  step: number | null;
  layer: number;
  head: number;
  /** Query position; null follows the last token shown. */
  q: number | null;
  /** Key position; null where none is chosen. */
  k: number | null;
  stage: string;
  /** What the view is set to, by names of its own; see `Settings`. */
  settings: Settings;
  /** A second run beside the first. */
  compare: RunSpec | null;
}

export const START: Readonly<Place> = {
  view: 'keyboard',
  model: '',
  fingerprint: '',
  ids: [],
  edits: NO_EDITS,
  step: null,
  layer: 0,
  head: 0,
  q: null,
  k: null,
  stage: '',
  settings: {},
  compare: null,
};

/** What was chosen and changed in one model means nothing in another. */
export const ANEW: Partial<Place> = { layer: 0, head: 0, edits: NO_EDITS, compare: null };

const FINGERPRINT = 10;

/** How a place names a model. */
export function namesOf(model: {
  name: string;
  fingerprint: string;
}): Pick<Place, 'model' | 'fingerprint'> {
  return { model: model.name, fingerprint: model.fingerprint.slice(0, FINGERPRINT) };
}

export function packIds(ids: readonly number[]): string {
  const short = ids.every((id) => id < 65536);
  const bytes = new Uint8Array(ids.length * (short ? 2 : 4));
  const view = new DataView(bytes.buffer);
  ids.forEach((id, i) =>
    short ? view.setUint16(2 * i, id, true) : view.setUint32(4 * i, id, true),
  );
  return (short ? 's' : 'l') + toBase64Url(bytes);
}

/** Throws on text that holds no ids. */
export function unpackIds(text: string): number[] {
  const width = { s: 2, l: 4 }[text[0] ?? ''];
  const bytes = fromBase64Url(text.slice(1));
  if (!width || bytes.length % width !== 0) throw new Error('These are no token ids.');
  const view = new DataView(bytes.buffer);
  return Array.from({ length: bytes.length / width }, (_, i) =>
    width === 2 ? view.getUint16(2 * i, true) : view.getUint32(4 * i, true),
  );
}

export function packEdits(edits: Edits): string {
  return [
    ...edits.heads_off.map(([layer, head]) => `h${layer}.${head}`),
    ...edits.neurons_off.map(([layer, neuron]) => `n${layer}.${neuron}`),
    ...edits.patches.map(({ layer, head, run }) => `p${layer}.${head}.${run}`),
    ...(edits.causal ? [] : ['free']),
  ].join(',');
}

export function unpackEdits(text: string): Edits {
  const edits: Edits = { heads_off: [], neurons_off: [], causal: true, patches: [] };
  for (const part of text.split(',')) {
    const pair = /^([hnp])(\d+)\.(\d+)(?:\.([\w-]+))?$/.exec(part);
    if (part === 'free') edits.causal = false;
    if (!pair) continue;
    const [, kind, layer, which, run] = pair;
    const at: [number, number] = [Number(layer), Number(which)];
    if (kind === 'h') edits.heads_off.push(at);
    else if (kind === 'n') edits.neurons_off.push(at);
    else if (run) edits.patches.push({ layer: at[0], head: at[1], run });
  }
  return edits;
}

export function packSettings(settings: Settings): string {
  const all = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return all.map(([name, value]) => `${name}.${value}`).join(',');
}

export function unpackSettings(text: string): Settings {
  const all = text.split(',').map((part) => /^([a-z]+)\.([\w-]+)$/.exec(part));
  return Object.fromEntries(all.flatMap((found) => (found ? [[found[1]!, found[2]!]] : [])));
}

export function isEdited(edits: Edits): boolean {
  return packEdits(edits) !== '';
}

export function toHash(place: Place): string {
  const fields: [string, string | number | null][] = [
    ['v', place.view],
    ['m', place.fingerprint ? `${place.model}.${place.fingerprint}` : place.model],
    ['t', place.ids.length > 0 ? packIds(place.ids) : ''],
    ['e', packEdits(place.edits)],
    ['s', place.step],
    ['l', place.layer || null],
    ['h', place.head || null],
    ['q', place.q],
    ['k', place.k],
    ['g', place.stage],
    ['o', packSettings(place.settings)],
    ['c', place.compare ? packCompare(place.compare) : ''],
  ];
  const shown = fields.filter(([, value]) => value !== null && value !== '');
  return `#${shown.map(([key, value]) => `${key}=${encodeURIComponent(value!)}`).join('&')}`;
}

function packCompare(spec: RunSpec): string {
  return `${packIds(spec.ids)}~${packEdits(spec.edits)}~${spec.model}`;
}

/** What a hash says, and nothing of what it says wrongly. */
export function fromHash(hash: string): Partial<Place> {
  const fields = new URLSearchParams(hash.replace(/^#/, '').replaceAll('+', '%2B'));
  const place: Partial<Place> = {};
  const text = (key: string) => fields.get(key) ?? '';
  const whole = (key: string) => (/^\d{1,9}$/.test(text(key)) ? Number(text(key)) : null);
  if (/^[a-z-]+$/.test(text('v'))) place.view = text('v');
  const model = /^(.*?)(?:\.([0-9a-f]{6,16}))?$/s.exec(text('m'));
  if (model?.[1]) place.model = model[1];
  if (model?.[2]) place.fingerprint = model[2];
  const ids = attempt(() => unpackIds(text('t')));
  if (ids && ids.length > 0) place.ids = ids;
  if (text('e')) place.edits = unpackEdits(text('e'));
  for (const [key, name] of [
    ['s', 'step'],
    ['q', 'q'],
    ['k', 'k'],
  ] as const) {
    if (whole(key) !== null) place[name] = whole(key);
  }
  place.layer = whole('l') ?? 0;
  place.head = whole('h') ?? 0;
  if (/^[\w-]+$/.test(text('g'))) place.stage = text('g');
  if (text('o')) place.settings = unpackSettings(text('o'));
  const compare = attempt(() => unpackCompare(text('c')));
  if (compare) place.compare = compare;
  return place;
}

function unpackCompare(text: string): RunSpec | null {
  const [ids, edits, model] = text.split('~');
  if (!ids || edits === undefined || !model) return null;
  return { ids: unpackIds(ids), edits: unpackEdits(edits), model };
}

function attempt<T>(read: () => T): T | null {
  try {
    return read();
  } catch {
    return null;
  }
}
