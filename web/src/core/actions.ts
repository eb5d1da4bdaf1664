/** What the keys do. Views add their own through `x.handlers`. */
import type { Explorer } from './explorer.svelte';
import type { Action } from './keys';
import { viewOf } from '../views/registry';

/** What is open on the screen; the page holds it. */
export interface Screen {
  help: boolean;
  menu: boolean;
  exporting: boolean;
  maximised: boolean;
}

/** Does what a key asks for; false where it has no meaning here. */
export function perform(x: Explorer, action: Action, screen: Screen): boolean {
  if (x.handlers.get(action.do)?.(action)) return true;
  switch (action.do) {
    case 'append':
      void x.appendRow(action.row);
      return true;
    case 'undo':
      if (!x.branches.canUndo) return false;
      x.undo();
      return true;
    case 'token':
      return moveToken(x, action.by);
    case 'layer':
      return turn(x, 'layer', action.by, x.model?.config.n_layer ?? 1, false);
    case 'head':
      return turn(x, 'head', action.by, x.model?.config.n_head ?? 1, true);
    case 'stage':
      return moveStage(x, action.by);
    case 'play':
      if (!viewOf(x.place.view)?.uses.includes('clock')) return false;
      x.clock.toggle();
      return true;
    case 'maximise':
      screen.maximised = !screen.maximised;
      return true;
    case 'export':
      screen.exporting = !screen.exporting;
      return true;
    case 'help':
      screen.help = true;
      return true;
    case 'close':
      return close(x, screen);
    default:
      return false;
  }
}

function moveToken(x: Explorer, by: 1 | -1): boolean {
  const n = x.run?.ids.length ?? 0;
  const to = x.step + by;
  if (to < 1 || to > n) return false;
  x.cursor.set({ step: to === n ? null : to, q: null, k: null });
  return true;
}

function turn(x: Explorer, what: 'layer' | 'head', by: 1 | -1, n: number, wraps: boolean): boolean {
  if (!viewOf(x.place.view)?.uses.includes(what)) return false;
  const to = x.place[what] + by;
  const next = wraps ? (to + n) % n : Math.min(n - 1, Math.max(0, to));
  x.cursor.set({ [what]: next });
  return true;
}

function moveStage(x: Explorer, by: 1 | -1): boolean {
  const stages = viewOf(x.place.view)?.stages;
  if (!stages) return false;
  const at = Math.max(0, stages.indexOf(x.place.stage));
  x.cursor.set({ stage: stages[Math.min(stages.length - 1, Math.max(0, at + by))]! });
  return true;
}

function close(x: Explorer, screen: Screen): boolean {
  if (x.inspector.open) x.inspector.close();
  else if (screen.exporting) screen.exporting = false;
  else if (screen.maximised) screen.maximised = false;
  else return false;
  return true;
}
