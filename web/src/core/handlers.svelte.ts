/** Keys of a view: `onAction('append', ({ row }) => …)` while the view is shown. */
import { explorer } from './context';
import type { Action } from './keys';

export function onAction<D extends Action['do']>(
  what: D,
  handle: (action: Extract<Action, { do: D }>) => boolean,
): void {
  const x = explorer();
  $effect(() => {
    const handler = (action: Action) => handle(action as Extract<Action, { do: D }>);
    x.handlers.set(what, handler);
    return () => {
      if (x.handlers.get(what) === handler) x.handlers.delete(what);
    };
  });
}
