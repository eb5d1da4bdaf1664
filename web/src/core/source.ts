/**
 * Where answers come from. Views never know which form it is.
 *
 * Everything the page asks goes through one function, `request`, so that whoever records its
 * answers holds all that is needed to show the same view again with no server.
 */

export type Method = 'GET' | 'POST';

export interface Reply {
  status: number;
  type: string;
  /** The whole answer. */
  bytes(): Promise<ArrayBuffer>;
  /** The answer as it arrives, for server-sent events. */
  chunks(): AsyncIterable<Uint8Array>;
}

export interface Source {
  readonly kind: 'http' | 'embedded' | 'widget';
  request(method: Method, path: string, body?: unknown, signal?: AbortSignal): Promise<Reply>;
}

/** One name for a request, whatever the order in which its fields were written. */
export function requestKey(method: Method, path: string, body?: unknown): string {
  return `${method} ${path}${body === undefined ? '' : ` ${canonical(body)}`}`;
}

/** JSON with sorted keys and without fields that are undefined. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value === null || typeof value !== 'object') return JSON.stringify(value) ?? 'null';
  const fields = Object.entries(value as Record<string, unknown>)
    .filter(([, field]) => field !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, field]) => `${JSON.stringify(key)}:${canonical(field)}`);
  return `{${fields.join(',')}}`;
}

/** An answer that is already here, whole. */
export function wholeReply(status: number, type: string, buffer: ArrayBuffer): Reply {
  return {
    status,
    type,
    bytes: () => Promise.resolve(buffer),
    chunks: async function* () {
      await Promise.resolve();
      yield new Uint8Array(buffer);
    },
  };
}
