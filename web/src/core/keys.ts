/** What each key does, as data: the page obeys this table and the help shows it. */

export type Action =
  | { do: 'append'; row: number }
  | { do: 'undo' }
  | { do: 'token'; by: 1 | -1 }
  | { do: 'layer'; by: 1 | -1 }
  | { do: 'head'; by: 1 | -1 }
  | { do: 'stage'; by: 1 | -1 }
  | { do: 'play' | 'mask' | 'compare' | 'maximise' | 'export' | 'help' | 'close' };

/** Rows of the help: keys as they are printed, and what they do (a key of the texts). */
export const HELP = [
  [['1', '…', '9', '0'], 'append'],
  [['⌫'], 'undo'],
  [['←', '→'], 'token'],
  [['↑', '↓'], 'layer'],
  [['h', 'H'], 'head'],
  [['[', ']'], 'stage'],
  [['Space'], 'play'],
  [['m'], 'mask'],
  [['c'], 'compare'],
  [['f'], 'maximise'],
  [['e'], 'export'],
  [['?'], 'help'],
] as const;

const SIMPLE: Readonly<Record<string, Action>> = {
  Backspace: { do: 'undo' },
  ArrowLeft: { do: 'token', by: -1 },
  ArrowRight: { do: 'token', by: 1 },
  ArrowUp: { do: 'layer', by: 1 },
  ArrowDown: { do: 'layer', by: -1 },
  h: { do: 'head', by: 1 },
  H: { do: 'head', by: -1 },
  ']': { do: 'stage', by: 1 },
  '[': { do: 'stage', by: -1 },
  ' ': { do: 'play' },
  m: { do: 'mask' },
  c: { do: 'compare' },
  f: { do: 'maximise' },
  e: { do: 'export' },
  '?': { do: 'help' },
  Escape: { do: 'close' },
};

export interface KeyLike {
  key: string;
  ctrlKey: boolean;
  metaKey: boolean;
  altKey: boolean;
}

/** The action of a key; null for keys that are the browser's. */
export function actionFor(event: KeyLike): Action | null {
  if (event.ctrlKey || event.metaKey || event.altKey) return null;
  if (/^[0-9]$/.test(event.key)) return { do: 'append', row: (Number(event.key) + 9) % 10 };
  return SIMPLE[event.key] ?? null;
}

/** Whether the element under the focus wants this key for itself. */
export function isTaken(target: EventTarget | null, key: string): boolean {
  if (!(target instanceof Element)) return false;
  if (key === 'Escape') return false;
  if (target.closest('input:not([type=range]), textarea, select, [contenteditable]')) return true;
  if (target.closest('dialog')) return true;
  const own = target.closest(
    '[role=grid], [role=listbox], [role=tree], [role=slider], input[type=range]',
  );
  if (own && /^(Arrow|Home|End|Page)/.test(key)) return true;
  return key === ' ' && target.closest('button, a, summary, [role=button]') !== null;
}
