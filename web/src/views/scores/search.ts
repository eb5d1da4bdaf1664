/** Finding tokens by what they say. */
import { bytesOf, wholeText } from '../../core/tokens';

/** The text of every token; null for bytes that are no whole character. */
export function texts(vocabulary: readonly string[]): (string | null)[] {
  return vocabulary.map((hex) => (hex === '' ? null : wholeText(bytesOf(hex))));
}

/**
 * Ids that match, the best first: the word with or without a leading blank, then in any case, then
 * tokens that begin with it, then those that hold it. `#123` is an id.
 */
export function search(all: readonly (string | null)[], wanted: string, most: number): number[] {
  if (wanted === '') return [];
  const id = /^#(\d+)$/.exec(wanted);
  if (id) return Number(id[1]) < all.length ? [Number(id[1])] : [];
  const small = wanted.toLowerCase();
  const found: { id: number; order: number; length: number }[] = [];
  all.forEach((text, at) => {
    const order = text === null ? -1 : closeness(text, wanted, small);
    if (order >= 0) found.push({ id: at, order, length: text!.length });
  });
  found.sort((a, b) => a.order - b.order || a.length - b.length || a.id - b.id);
  return found.slice(0, most).map((one) => one.id);
}

function closeness(text: string, wanted: string, small: string): number {
  const bare = text.startsWith(' ') ? text.slice(1) : text;
  if (text === wanted || bare === wanted) return 0;
  const lower = bare.toLowerCase();
  if (lower === small || text.toLowerCase() === small) return 1;
  if (lower.startsWith(small)) return 2;
  return lower.includes(small) ? 3 : -1;
}
