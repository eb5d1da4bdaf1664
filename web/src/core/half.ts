/** Half precision to single, for browsers without a Float16Array: a table of all 65,536 codes. */

let table: Float32Array | null = null;

function exact(code: number): number {
  const sign = code & 0x8000 ? -1 : 1;
  const exponent = (code >> 10) & 0x1f;
  const fraction = code & 0x3ff;
  if (exponent === 0) return sign * 2 ** -24 * fraction;
  if (exponent === 0x1f) return fraction ? NaN : sign * Infinity;
  return sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

export function halfToSingle(codes: Uint16Array): Float32Array {
  table ??= Float32Array.from({ length: 65536 }, (_, code) => exact(code));
  const out = new Float32Array(codes.length);
  for (let i = 0; i < codes.length; i++) out[i] = table[codes[i]!]!;
  return out;
}
