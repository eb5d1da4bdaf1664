/** The browser's storage where there is one; a page opened from a file may have none. */

export interface Store {
  get(key: string): string | null;
  set(key: string, value: string): void;
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

/** Of this browser: language, theme. */
export const lasting = safely(() => localStorage);
/** Of this tab, over a reload: the tree of branches, a generation on its way. */
export const ofThisTab = safely(() => sessionStorage);
