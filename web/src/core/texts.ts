/** A reader's own text as a setting of a view: its bytes, base64url. */
import { fromBase64Url, toBase64Url } from './base64';
import { wholeText } from './tokens';

/** A text in letters that an address may hold; null for none. */
export function packText(text: string): string | null {
  return text === '' ? null : toBase64Url(new TextEncoder().encode(text));
}

/** The text again; none where it holds none. */
export function unpackText(packed: string | null): string {
  try {
    return wholeText(fromBase64Url(packed ?? '')) ?? '';
  } catch {
    return '';
  }
}
