/**
 * The explorer in a notebook's cell: the page's own components, in a root of their own. Styles of
 * the notebook do not reach in, nor ours out, and ids of two cells do not meet. The place lives in
 * the widget's state, not in the notebook's address.
 */
import { mount, unmount } from 'svelte';
import App from '../App.svelte';
import { Appearance } from '../core/appearance.svelte';
import { memoryAddress } from '../core/cursor.svelte';
import { Explorer } from '../core/explorer.svelte';
import { ofItself } from '../core/storage';
import { WidgetSource, type Channel } from '../core/widget';
import '../style/tokens.css';
import '../style/base.css';
import '../style/layout.css';
import '../style/next-words.css';
import '../style/notebook.css';
import { surroundingsOf } from './surroundings';

/** What anywidget hands over. */
export interface Model extends Channel {
  get(name: string): unknown;
  set(name: string, value: unknown): void;
  save_changes(): void;
}

export type Render = (given: { model: Model; el: HTMLElement }) => () => void;

/** All style sheets; the build puts them here. */
declare const __CUTAWAY_STYLE__: string;

const REST = 400;

export const render: Render = ({ model, el }) => {
  const host = document.createElement('div');
  // JupyterLab would take letters for commands on cells.
  host.dataset['lmSuppressShortcuts'] = 'true';
  el.append(host);
  const frame = framed(host, Number(model.get('height')));
  const source = new WidgetSource(model);
  const [address, flush] = kept(model);
  const store = ofItself();
  const text = model.get('text');
  const x = new Explorer(source, address, {
    ...(typeof text === 'string' ? { text } : {}),
    appearance: new Appearance(surroundingsOf(el), store),
    tab: store,
  });
  const app = mount(App, { target: frame, props: { x, keys: host, whole: frame } });
  // What the explorer has done with a key is not to be done again by the notebook.
  const keep = (event: KeyboardEvent) => {
    if (event.defaultPrevented || !(event.ctrlKey || event.metaKey)) event.stopPropagation();
  };
  host.addEventListener('keydown', keep);
  const leave = () => {
    flush();
    source.close();
  };
  window.addEventListener('pagehide', leave);
  return () => {
    window.removeEventListener('pagehide', leave);
    leave();
    void unmount(app);
    host.remove();
  };
};

function framed(host: HTMLElement, height: number): HTMLElement {
  const root = host.attachShadow({ mode: 'open' });
  const style = document.createElement('style');
  style.textContent = __CUTAWAY_STYLE__;
  const frame = document.createElement('div');
  frame.className = 'notebook-frame';
  frame.style.setProperty('--height', `${height}px`);
  root.append(style, frame);
  return frame;
}

/** The place in the widget's state, written when the reader rests: it outlives a reload. */
function kept(model: Model): [ReturnType<typeof memoryAddress>, () => void] {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let written = String(model.get('place'));
  let now = written;
  const flush = () => {
    clearTimeout(timer);
    if (now === written) return;
    written = now;
    model.set('place', now);
    model.save_changes();
  };
  const address = memoryAddress(written, (hash) => {
    now = hash;
    clearTimeout(timer);
    timer = setTimeout(flush, REST);
  });
  return [address, flush];
}
