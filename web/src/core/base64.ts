/** Bytes as text: plain base64 for files, the form without + / = for links. */

const CHUNK = 0x8000;

export function toBase64(bytes: ArrayBuffer | Uint8Array): string {
  const all = bytes instanceof Uint8Array ? bytes : new Uint8Array(bytes);
  let binary = '';
  for (let at = 0; at < all.length; at += CHUNK) {
    binary += String.fromCharCode(...all.subarray(at, at + CHUNK));
  }
  return btoa(binary);
}

export function fromBase64(text: string): ArrayBuffer {
  const binary = atob(text);
  const bytes = new Uint8Array(binary.length);
  for (let i = 0; i < binary.length; i++) bytes[i] = binary.charCodeAt(i);
  return bytes.buffer;
}

export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/** Throws on anything that is no base64url. */
export function fromBase64Url(text: string): Uint8Array {
  return new Uint8Array(fromBase64(text.replaceAll('-', '+').replaceAll('_', '/')));
}
