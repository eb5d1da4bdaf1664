/**
 * A question whose answer follows the cursor:
 *
 *   const next = asking((signal) => x.api.next(run, { q: x.q }, signal));
 *   {#if next.value} … {/if}
 *
 * What the function reads before its first `await` is watched. A new question gives up the old
 * one; the last answer stays until the new one is here, so nothing flickers.
 */
import { untrack } from 'svelte';
import { explorer } from './context';
import { asProblem, isAbort, type Problem } from './problem';

export interface Answer<T> {
  readonly value: T | null;
  readonly problem: Problem | null;
  /** True while the value shown is not yet the one asked for. */
  readonly pending: boolean;
}

class State<T> implements Answer<T> {
  value = $state.raw<T | null>(null);
  problem = $state.raw<Problem | null>(null);
  pending = $state(true);
}

export function asking<T>(ask: (signal: AbortSignal) => Promise<T> | null): Answer<T> {
  const x = explorer();
  const state = new State<T>();
  $effect(() => {
    void x.connection.epoch; // ask again when a lost server is back
    const controller = new AbortController();
    const promise = ask(controller.signal);
    untrack(() => (state.pending = promise !== null));
    if (!promise) return;
    const done = x.busy.start();
    promise
      .then(
        (value) => settle(() => ((state.value = value), (state.problem = null))),
        (error: unknown) => {
          if (isAbort(error)) return;
          settle(() => (state.problem = asProblem(error)));
          x.connection.notice(error);
        },
      )
      .finally(done);
    function settle(write: () => void) {
      if (controller.signal.aborted) return;
      write();
      state.pending = false;
    }
    return () => controller.abort();
  });
  return state;
}
