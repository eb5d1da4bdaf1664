/** The browser's storage where there is one; a page opened from a file may have none. */

export interface Store {
  get(key: string): string | null;
  set(key: string, value: string): unknown;
}

function safely(storage: () => Storage): Store {
  return {
    get: (key) => {
      try {
        return storage().getItem(`cutaway.${key}`);
      } catch {
        return null;
      }
    },
    set: (key, value) => {
      try {
        storage().setItem(`cutaway.${key}`, value);
      } catch {
        // Full, or forbidden: what was to be kept is only a convenience.
      }
    },
  };
}

/** Of one explorer among several on a page, which must not read each other's. */
export function ofItself(): Store {
  const kept = new Map<string, string>();
  return { get: (key) => kept.get(key) ?? null, set: (key, value) => kept.set(key, value) };
}

/** Of this browser: language, theme. */
export const lasting = safely(() => localStorage);
/** Of this tab, over a reload: the tree of branches, a generation on its way. */
export const ofThisTab = safely(() => sessionStorage);
