/** What went wrong, in the server's own words: what happened, the way out, and the numbers. */
export class Problem extends Error {
  readonly kind: string;
  readonly what: string;
  readonly hint: string;
  readonly numbers: Readonly<Record<string, number>>;
  readonly status: number;

  constructor(
    kind: string,
    what: string,
    {
      hint = '',
      numbers = {},
      status = 0,
    }: Partial<Pick<Problem, 'hint' | 'numbers' | 'status'>> = {},
  ) {
    super(what);
    this.kind = kind;
    this.what = what;
    this.hint = hint;
    this.numbers = numbers;
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
      const { error, what, hint, numbers } = found as Record<string, unknown>;
      return new Problem(typeof error === 'string' ? error : 'Error', String(what), {
        hint: typeof hint === 'string' ? hint : '',
        numbers: (numbers ?? {}) as Record<string, number>,
        status,
      });
    }
  } catch {
    // Not JSON: told by its status below.
  }
  return new Problem('HTTPError', `The server answered ${status}.`, { status });
}

export function asProblem(error: unknown): Problem {
  if (error instanceof Problem) return error;
  return new Problem('Error', error instanceof Error ? error.message : String(error));
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}
