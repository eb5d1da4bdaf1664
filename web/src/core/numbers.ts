/** How numbers are written: the same everywhere, and never with digits that are not known. */

/** A probability as a percentage: 31.2%, 0.04%, <0.001%. */
export function percent(p: number): string {
  const value = 100 * p;
  if (value === 0 || value >= 99.95) return p >= 1 || p === 0 ? `${value.toFixed(0)}%` : '>99.9%';
  if (value >= 1) return `${value.toFixed(1)}%`;
  if (value >= 0.1) return `${value.toFixed(2)}%`;
  return value >= 0.001 ? `${value.toFixed(3)}%` : '<0.001%';
}

/** A score, activation or norm: two decimals, with a true minus. */
export function score(value: number, digits = 2): string {
  if (!Number.isFinite(value)) return notFinite(value);
  return value.toFixed(digits).replace('-', '\u2212');
}

/** The shortest decimal that reads back as the same float32. */
export function exact(value: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  const single = Math.fround(value);
  for (let digits = 1; digits < 9; digits++) {
    const text = single.toPrecision(digits);
    if (Math.fround(Number(text)) === single) return tidy(text);
  }
  return tidy(single.toPrecision(9));
}

function tidy(text: string): string {
  return text.replace(/^-/, '\u2212').replace('e-', 'e\u2212').replace('e+', 'e');
}

function notFinite(value: number): string {
  if (Number.isNaN(value)) return 'NaN';
  return value > 0 ? '\u221e' : '\u2212\u221e';
}

/** 124,439,808. */
export function count(n: number): string {
  return Math.round(n)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ',');
}

/** 14.2 M, 1.56 B: three digits that matter. */
export function short(n: number): string {
  for (const [size, unit] of [
    [1e9, 'B'],
    [1e6, 'M'],
    [1e3, 'K'],
  ] as const) {
    if (n >= size) return `${threeDigits(n / size)} ${unit}`;
  }
  return count(n);
}

/** Decimal units, as the article and file managers use them: 28.4 MB. */
export function bytes(n: number): string {
  for (const [size, unit] of [
    [1e9, 'GB'],
    [1e6, 'MB'],
    [1e3, 'KB'],
  ] as const) {
    if (n >= size) return `${threeDigits(n / size)} ${unit}`;
  }
  return `${n} B`;
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function milliseconds(ms: number): string {
  return `${ms >= 100 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
}
