/** An edited sheet as a part of the page's address: `own-` and its numbers, 32 bits each. */
import { fromBase64Url, toBase64Url } from '../../core/base64';
import { D, GIVEN, TOKENS, type Matrix, type Sheet } from './bench';

const MARK = 'own-';

export function pack(sheet: Sheet): string {
  const numbers = GIVEN.flatMap((block) => sheet[block].flat());
  const view = new DataView(new ArrayBuffer(4 * numbers.length));
  numbers.forEach((value, i) => view.setFloat32(4 * i, value, true));
  return MARK + toBase64Url(new Uint8Array(view.buffer));
}

/** The sheet that an address holds; null where it holds none. */
export function unpack(stage: string): Sheet | null {
  if (!stage.startsWith(MARK)) return null;
  try {
    const bytes = fromBase64Url(stage.slice(MARK.length));
    const n = bytes.length / 4 / D - 3 * D;
    if (!Number.isInteger(n) || n < 1 || n > TOKENS) return null;
    const view = new DataView(bytes.buffer);
    const numbers = Array.from({ length: bytes.length / 4 }, (_, i) =>
      view.getFloat32(4 * i, true),
    );
    if (!numbers.every(Number.isFinite)) return null;
    let at = 0;
    const take = (rows: number): Matrix =>
      Array.from({ length: rows }, () => numbers.slice(at, (at += D)));
    return { x: take(n), wq: take(D), wk: take(D), wv: take(D) };
  } catch {
    return null;
  }
}
