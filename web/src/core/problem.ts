/**
 * What went wrong. The words are the server's, in English; a page in another language finds its
 * own by the kind and the values (i18n/problems.ts).
 */
export class Problem extends Error {
  readonly kind: string;
  readonly what: string;
  readonly hint: string;
  readonly values: Readonly<Record<string, string | number>>;
  readonly status: number;

  constructor(
    kind: string,
    what: string,
    {
      hint = '',
      values = {},
      status = 0,
    }: Partial<Pick<Problem, 'hint' | 'values' | 'status'>> = {},
  ) {
    super(what);
    this.kind = kind;
    this.what = what;
    this.hint = hint;
    this.values = values;
    this.status = status;
  }

  /** The server does not answer at all. */
  get isLost(): boolean {
    return this.kind === 'Lost';
  }
}

/** Reads a problem out of an answer that is none; whatever the server sent, it becomes one. */
export function problemFrom(status: number, body: string): Problem {
  try {
    const found: unknown = JSON.parse(body);
    if (typeof found === 'object' && found !== null && 'what' in found) {
      const { error, what, hint, values } = found as Record<string, unknown>;
      return new Problem(typeof error === 'string' ? error : 'Error', String(what), {
        hint: typeof hint === 'string' ? hint : '',
        values: (values ?? {}) as Record<string, string | number>,
        status,
      });
    }
  } catch {
    // Not JSON: told by its status below.
  }
  const values = { status };
  return new Problem('HTTPError', `The server answered ${status}.`, { status, values });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem('Error', error instanceof Error ? error.message : String(error));
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
