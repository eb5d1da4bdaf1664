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
  const text = value.toFixed(digits);
  return Number(text) === 0 ? text.replace('-', '') : text.replace('-', '\u2212');
}

/** A loss, in nats or bits: three decimals. */
export function nats(value: number): string {
  return score(value, 3);
}

/** What is added to something: its sign always, three decimals. */
export function signed(value: number): string {
  const text = score(value, 3);
  return Number(text) > 0 || text === '\u221e' ? `+${text}` : text;
}

/** The shortest decimal that reads back as the same float32. */
export function exact(value: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  const single = Math.fround(value);
  const isTiny = single !== 0 && Math.abs(single) < 1e-4;
  const write = (digits: number) =>
    isTiny ? single.toExponential(digits - 1) : single.toPrecision(digits);
  for (let digits = 1; digits < 9; digits++) {
    if (Math.fround(Number(write(digits))) === single) return tidy(write(digits));
  }
  return tidy(write(9));
}

/** A distance that should be nothing but rounding: two digits that matter, 1.1e−6. */
export function tiny(value: number): string {
  if (!Number.isFinite(value)) return notFinite(value);
  return value === 0 ? '0' : tidy(value.toExponential(1));
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

/** A number beside an axis: as `write` has it, without decimals that say nothing. */
export function onAxis(write: (value: number) => string): (value: number) => string {
  return (value) =>
    write(value)
      .replace(/(\.\d*?)0+(?=\D|$)/, '$1')
      .replace(/\.(?=\D|$)/, '');
}

function threeDigits(value: number): string {
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}

export function milliseconds(ms: number): string {
  return `${ms >= 100 ? ms.toFixed(0) : ms.toFixed(1)} ms`;
}
