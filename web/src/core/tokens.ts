/** Tokens as bytes: nothing is shown that the bytes do not say, and split characters find each other. */

export interface TokenLike {
  id: number;
  text: string;
  /** Its bytes in hexadecimal. */
  bytes: string;
}

export type Piece =
  | { kind: 'text'; shown: string }
  | { kind: 'mark'; shown: string }
  | { kind: 'byte'; shown: string };

const MARKS: Readonly<Record<string, string>> = { ' ': '\u2423', '\n': '\u21b5', '\t': '\u21e5' };

export function bytesOf(hex: string): Uint8Array {
  const pairs = hex.match(/../g) ?? [];
  return Uint8Array.from(pairs, (pair) => parseInt(pair, 16));
}

/** The text of whole UTF-8, null for bytes that are part of a character or none at all. */
export function wholeText(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** What to draw for a token: its text, blanks as marks, and bytes where it holds half a character. */
export function pieces(token: TokenLike): Piece[] {
  // <|endoftext|>, or an id of a model without a tokenizer.
  if (token.bytes === '') return [{ kind: 'text', shown: token.text || `#${token.id}` }];
  const text = wholeText(bytesOf(token.bytes));
  if (text === null) {
    const pairs = token.bytes.toUpperCase().match(/../g) ?? [];
    return pairs.map((shown) => ({ kind: 'byte', shown }));
  }
  return [...text.matchAll(/[ \n\t]|[\p{C}]|[^ \n\t\p{C}]+/gu)].map(([part]) => {
    const mark = MARKS[part];
    if (mark) return { kind: 'mark', shown: mark };
    if (/^\p{C}$/u.test(part)) return { kind: 'byte', shown: hexOf(part) };
    return { kind: 'text', shown: part };
  });
}

function hexOf(text: string): string {
  const bytes = [...new TextEncoder().encode(text)];
  return bytes.map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join(' ');
}

/** A token in one line of plain text, for labels and sentences. */
export function label(token: TokenLike): string {
  return pieces(token)
    .map((piece) => (piece.kind === 'byte' ? `<${piece.shown}>` : piece.shown))
    .join('');
}

/** As label, without the mark of a leading blank: for sentences that are read aloud. */
export function spoken(token: TokenLike): string {
  return label(token).replace(/^\u2423(?=.)/u, '');
}

const REPEATED = new WeakMap<readonly TokenLike[], ReadonlySet<string>>();

/** The words that a text has more than once; sought once for each text. */
function repeated(tokens: readonly TokenLike[]): ReadonlySet<string> {
  const known = REPEATED.get(tokens);
  if (known) return known;
  const [once, again] = [new Set<string>(), new Set<string>()];
  for (const word of tokens.map(spoken)) (once.has(word) ? again : once).add(word);
  REPEATED.set(tokens, again);
  return again;
}

/** As spoken, and by `nth` with the token's number, from 1, where the text has the word again. */
export function distinct(
  tokens: readonly TokenLike[],
  i: number,
  nth: (word: string, n: number) => string,
): string {
  const word = spoken(tokens[i]!);
  return repeated(tokens).has(word) ? nth(word, i + 1) : word;
}

/** The ids that a text writes, between blanks or commas; null where one is none of the vocabulary. */
export function idsIn(text: string, size: number): number[] | null {
  const ids = text.split(/[\s,]+/).filter((part) => part !== '');
  const isId = (part: string) => /^\d{1,9}$/.test(part) && Number(part) < size;
  return ids.length > 0 && ids.every(isId) ? ids.map(Number) : null;
}

export interface Group {
  start: number;
  end: number;
  /** The characters that these tokens form together. */
  text: string;
}

/** Runs of tokens that share characters: each alone is no text, together they are. */
export function splitCharacters(tokens: readonly TokenLike[]): Group[] {
  const groups: Group[] = [];
  for (let start = 0; start < tokens.length; start++) {
    let bytes = bytesOf(tokens[start]!.bytes);
    if (bytes.length === 0 || wholeText(bytes) !== null) continue;
    for (let end = start + 1; end < Math.min(tokens.length, start + 8); end++) {
      bytes = Uint8Array.from([...bytes, ...bytesOf(tokens[end]!.bytes)]);
      const text = wholeText(bytes);
      if (text === null) continue;
      groups.push({ start, end: end + 1, text });
      start = end;
      break;
    }
  }
  return groups;
}

/** The tokens in order, those that share a character together under it. */
export function segments(tokens: readonly TokenLike[]): Group[] {
  const all: Group[] = [];
  for (const group of [
    ...splitCharacters(tokens),
    { start: tokens.length, end: tokens.length, text: '' },
  ]) {
    for (let start = all.at(-1)?.end ?? 0; start < group.start; start++) {
      all.push({ start, end: start + 1, text: '' });
    }
    if (group.text) all.push(group);
  }
  return all;
}
