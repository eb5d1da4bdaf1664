/** Walking a row of things of which Tab reaches one. */
import { tick } from 'svelte';

/** Where a key leads from `at` in a row of `n`; null for keys that lead nowhere. */
export function rove(key: string, at: number, n: number): number | null {
  const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: n - 1 }[key];
  return to === undefined ? null : Math.max(0, Math.min(n - 1, to));
}

/** The same over `n` cells that stand in rows of `perRow`: up and down keep to the column. */
export function roveRows(key: string, at: number, n: number, perRow: number): number | null {
  const to = { ArrowUp: at - perRow, ArrowDown: at + perRow }[key];
  if (to === undefined) return rove(key, at, n);
  return to >= 0 && to < n ? to : at;
}

/** A key in a row of `n`: goes where it leads from `at`, and takes the focus there. */
export function walk(
  event: KeyboardEvent,
  at: number,
  n: number,
  list: HTMLElement | undefined,
  go: (to: number) => void,
): void {
  const to = rove(event.key, at, n);
  if (to === null) return;
  event.preventDefault();
  go(to);
  focusWithin(list);
}

/** Focuses the one thing in a list that Tab reaches, once the page shows what is so now. */
export function focusWithin(list: HTMLElement | undefined): void {
  void tick().then(() => list?.querySelector<HTMLElement>('[tabindex="0"]')?.focus());
}
