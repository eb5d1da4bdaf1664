/** Where a page ends and its summary begins, and what of the page counts for a word. */
import { bytesOf, type TokenLike } from '../../core/tokens';

/** What GPT-2 was asked for a summary with (Radford et al. 2019, section 3.6). */
export const MARKER = 'TL;DR:';

/**
 * The position of the first token behind the last marker; null where the text has none. A model
 * that was taught summaries has a marker token of its own.
 */
export function summaryStart(
  tokens: readonly TokenLike[],
  own: number | null = null,
  marker = MARKER,
): number | null {
  const at = own === null ? -1 : tokens.findLastIndex(({ id }) => id === own);
  if (at >= 0) return at + 1;
  const wanted = new TextEncoder().encode(marker);
  const bytes = tokens.map(({ bytes }) => bytesOf(bytes));
  const all = bytes.flatMap((one) => [...one]);
  let found = -1;
  for (let at = all.length - wanted.length; at >= 0 && found < 0; at--)
    if (wanted.every((byte, i) => all[at + i] === byte)) found = at + wanted.length;
  if (found < 0) return null;
  let end = 0;
  for (let i = 0; i < bytes.length; i++) {
    if (end >= found) return i;
    end += bytes[i]!.length;
  }
  return tokens.length;
}

/** Without a marker, the last tokens can be asked for. */
const LAST = 24;

/** The positions of the words that can be asked for: those of the summary, and the one to come. */
export function asked(start: number | null, n: number): number[] {
  const first = Math.max(1, Math.min(start ?? n - LAST, n));
  return Array.from({ length: n - first + 1 }, (_, i) => first + i);
}

/** The `most` places with the largest sizes, the largest first. */
export function strongest(values: ArrayLike<number>, most: number): number[] {
  const order = Array.from({ length: values.length }, (_, i) => i);
  order.sort((a, b) => Math.abs(values[b]!) - Math.abs(values[a]!) || a - b);
  return order.slice(0, most);
}

/** How many of the strongest are the same by both, of how many. */
export function agreement(
  attention: ArrayLike<number>,
  gradient: ArrayLike<number>,
): { same: number; of: number } {
  const of = Math.max(1, Math.min(10, Math.floor(attention.length / 2)));
  const mine = new Set(strongest(attention, of));
  return { same: strongest(gradient, of).filter((i) => mine.has(i)).length, of };
}

/** A part of `n` tokens around one of them. */
export function around(at: number, n: number, size = 64): { start: number; end: number } {
  const start = Math.max(0, Math.min(n - size, at - Math.floor(size / 2)));
  return { start, end: Math.min(n, start + size) };
}
