/** A text that is being written and not read yet; a reload of the tab loses no letter of it. */
import type { Store } from './storage';

interface Kept {
  /** The weights it was written for. */
  fingerprint: string;
  text: string;
}

export class Draft {
  #text = $state<string | null>(null);
  /** Begun before a reload: its end is where the writing goes on. */
  isRestored = $state(false);
  #fingerprint = '';

  constructor(private readonly tab: Store) {}

  /** What stands in the text field; null while it is closed. Only reading it or the reader ends it. */
  get text(): string | null {
    return this.#text;
  }

  set text(text: string | null) {
    this.#text = text;
    const kept: Kept | null = text ? { fingerprint: this.#fingerprint, text } : null;
    this.tab.set('draft', kept ? JSON.stringify(kept) : '');
  }

  begin(text: string, fingerprint: string): void {
    this.#fingerprint = fingerprint;
    this.isRestored = false;
    this.#text = text; // kept as soon as a letter of it is the reader's
  }

  /** Takes up what was being written for this model, if anything was. */
  restore(fingerprint: string): void {
    if (this.#text !== null) return;
    const kept = read(this.tab.get('draft'));
    if (kept?.fingerprint !== fingerprint) return;
    this.#fingerprint = fingerprint;
    this.isRestored = true;
    this.#text = kept.text;
  }
}

function read(saved: string | null): Kept | null {
  try {
    const found = JSON.parse(saved ?? '') as Partial<Kept> | null;
    const { fingerprint, text } = found ?? {};
    return typeof fingerprint === 'string' && typeof text === 'string' && text !== ''
      ? { fingerprint, text }
      : null;
  } catch {
    return null;
  }
}
