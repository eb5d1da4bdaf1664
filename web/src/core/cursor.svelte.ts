/** The one cursor, as state that views read and write, kept in the address of the page. */
import { fromHash, START, toHash, type Edits, type Place, type RunSpec } from './place';
import { Sparing } from './sparing';

/** Where the hash lives: the browser's address bar, or nothing but memory in a notebook. */
export interface Address {
  read(): string;
  write(hash: string, entry: 'push' | 'replace'): void;
  /** Calls back when the user goes back, forward, or pastes a link. */
  onChange(callback: () => void): () => void;
}

export class Cursor {
  #place = $state.raw<Place>({ ...START });
  readonly #address: Address;
  readonly #stop: () => void;

  constructor(address: Address) {
    this.#address = address;
    this.#place = { ...START, ...fromHash(address.read()) };
    this.#stop = address.onChange(() => {
      this.#place = { ...START, ...fromHash(address.read()) };
    });
  }

  get place(): Readonly<Place> {
    return this.#place;
  }

  /** Whether the address says nothing, as when a page is opened without a link. */
  get isSilent(): boolean {
    return this.#address.read() === '';
  }

  get spec(): RunSpec {
    const { model, ids, edits } = this.#place;
    return { model, ids, edits };
  }

  get edits(): Edits {
    return this.#place.edits;
  }

  /**
   * Changes some fields; settings belong to one view and end with it. A new text or view is a new
   * entry of the history, all else is not, nor is text that writes itself (`quiet`).
   */
  set(change: Partial<Place>, { quiet = false } = {}): void {
    const before = this.#place;
    const leaves = change.view !== undefined && change.view !== before.view;
    this.#place = { ...before, ...(leaves ? { settings: {} } : {}), ...change };
    const isNew =
      leaves ||
      (change.ids !== undefined &&
        before.ids.length > 0 &&
        change.ids.join() !== before.ids.join());
    const hash = toHash(this.#place);
    if (hash !== this.#address.read())
      this.#address.write(hash, isNew && !quiet ? 'push' : 'replace');
  }

  close(): void {
    this.#stop();
  }
}

/** Safari refuses more than 100 changes in 30 seconds; the page asks for 60 in one while a key is held. */
const LIMITS = { burst: 10, wait: 330 };

export function browserAddress(): Address {
  const sparing = new Sparing((hash) => history.replaceState(null, '', hash), LIMITS);
  const leave = () => sparing.flush();
  return {
    read: () => sparing.waiting ?? location.hash,
    write: (hash, entry) => {
      if (entry === 'replace') {
        sparing.write(hash);
        return;
      }
      sparing.flush();
      history.pushState(null, '', hash);
    },
    onChange: (callback) => {
      const changed = () => {
        sparing.drop();
        callback();
      };
      addEventListener('popstate', changed);
      addEventListener('pagehide', leave);
      return () => {
        sparing.flush();
        removeEventListener('popstate', changed);
        removeEventListener('pagehide', leave);
      };
    },
  };
}

/** `onWrite` hears of every place gone to. */
export function memoryAddress(
  hash = '',
  onWrite: (hash: string) => void = () => undefined,
): Address {
  let now = hash;
  return {
    read: () => now,
    write: (next) => {
      now = next;
      onWrite(next);
    },
    onChange: () => () => undefined,
  };
}
