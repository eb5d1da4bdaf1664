/**
 * All that a notebook stores of a widget's code: it asks the kernel for the rest, which is the same
 * for every widget of a page and comes once. Without a kernel, what it says is what is seen.
 */
import type { Model, Render } from './widget';

interface Code {
  render: Render;
}

const WAITING =
  'Waiting for the kernel. If none is running, or this notebook was opened anew: run this cell again.';
const FAILED = 'The explorer could not be opened in this notebook: ';

/** Modules by the hash of their code. */
const page = globalThis as typeof globalThis & { cutawayCode?: Map<string, Code> };

function render({ model, el }: { model: Model; el: HTMLElement }): () => void {
  const said = document.createElement('p');
  said.style.cssText = 'margin: 8px 0; font: 13px/1.5 system-ui, sans-serif; opacity: 0.75';
  said.textContent = `Cutaway. ${WAITING}`;
  el.append(said);
  let end: (() => void) | null = null;
  let isClosed = false;
  const [code, stopAsking] = asked(model);
  code.then(
    (found) => {
      if (isClosed) return;
      said.remove();
      end = found.render({ model, el });
    },
    (error: unknown) => {
      said.textContent = FAILED + String(error);
    },
  );
  return () => {
    isClosed = true;
    stopAsking();
    end?.();
    said.remove();
  };
}

export default { render };

/** The code, from this page or from the kernel; and what gives up waiting for it. */
function asked(model: Model): [Promise<Code>, () => void] {
  const known = (page.cutawayCode ??= new Map<string, Code>());
  const name = String(model.get('code'));
  const found = known.get(name);
  if (found) return [Promise.resolve(found), () => undefined];
  const bytes = crypto.getRandomValues(new Uint32Array(2));
  const id = `${bytes.join('.')}-1`;
  let stop = () => undefined as unknown;
  const code = new Promise<Code>((resolve, reject) => {
    const receive = (content: unknown, buffers: DataView[]) => {
      const answer = content as { id?: unknown; status?: number } | null;
      if (answer?.id !== id || !buffers[0]) return;
      stop();
      if (answer.status === 200) resolve(known.get(name) ?? imported(known, name, buffers[0]));
      else reject(new Error(`the kernel answered ${answer.status}`));
    };
    stop = () => model.off('msg:custom', receive);
    model.on('msg:custom', receive);
    model.send({ id, method: 'GET', path: '/notebook/widget.js' });
  });
  return [code, () => stop()];
}

async function imported(known: Map<string, Code>, name: string, code: DataView): Promise<Code> {
  const bytes = new Uint8Array(code.buffer, code.byteOffset, code.byteLength).slice();
  const address = URL.createObjectURL(new Blob([bytes], { type: 'text/javascript' }));
  try {
    const module = (await import(/* @vite-ignore */ address)) as Code;
    known.set(name, module);
    return module;
  } finally {
    URL.revokeObjectURL(address);
  }
}
