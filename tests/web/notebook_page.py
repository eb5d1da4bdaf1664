"""A notebook in as few lines as will do: a page with cells, and the wires of its widgets.

It treats a widget as anywidget does: imports what the state calls ``_esm``, and hands it a model
and an element. Its style sheet is as inconsiderate as a notebook's may be, and like JupyterLab it
takes keys for commands.
"""

import base64
import queue
from collections.abc import Sequence
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from notebooks import Wire

__all__ = ["notebook_app"]

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Notebook</title><style>
html { font-size: 10px } body { margin: 20px; background: #fff }
button, select { background: red; font-size: 40px; text-transform: uppercase }
p, h1, h2, table, td { margin: 40px; color: red; letter-spacing: 9px } .body, .head { float: right }
</style></head><body><main></main><script type="module">
window.heard = [];
document.addEventListener('keydown', (event) => heard.push(event.key));

class Model {
  constructor(number, state) {
    Object.assign(this, { number, state, changed: {}, listeners: [], told: new Set() });
    this.last = Promise.resolve();
  }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = this.changed[name] = value; }
  save_changes() { this.post('write', this.changed); this.changed = {}; }
  send(content) { this.post('send', content); }
  on(event, callback) { this.listeners.push({ event, callback }); }
  off(event, callback) {
    this.listeners = this.listeners.filter((l) => l.event !== event || l.callback !== callback);
  }
  emit(event, ...told) {
    for (const l of [...this.listeners]) if (l.event === event) l.callback(...told);
  }
  post(what, content) {
    const body = JSON.stringify(content);
    this.last = this.last.then(() => fetch(`/${what}/${this.number}`, { method: 'POST', body }));
  }
  async listen() {
    for (;;) {
      for (const [content, buffers] of await (await fetch(`/next/${this.number}`)).json()) {
        this.told.add(content.id);
        const bytes = buffers.map((text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0)));
        this.emit('msg:custom', content, bytes.map(({ buffer }) => new DataView(buffer)));
      }
    }
  }
}

// One model for each widget, whatever shows it.
const models = {};
async function opened(number) {
  const model = new Model(number, await (await fetch(`/state/${number}`)).json());
  void model.listen();
  return model;
}

window.show = async (number, el) => {
  const model = await (models[number] ??= opened(number));
  const code = new Blob([model.get('_esm')], { type: 'text/javascript' });
  const { default: widget } = await import(URL.createObjectURL(code));
  return { model, close: widget.render({ model, el }) };
};

window.cells = [];
for (let number = 0; number < N_CELLS; number++) {
  const el = document.createElement('section');
  el.id = `cell${number}`;
  document.querySelector('main').append(el);
  cells.push(await show(number, el));
}
</script></body></html>
"""


def notebook_app(wires: Sequence[Wire]) -> Starlette:
    """A notebook with one cell for each widget."""

    def page(_: Request) -> Response:
        return HTMLResponse(PAGE.replace("N_CELLS", str(len(wires))))

    def wire(request: Request) -> Wire:
        return wires[request.path_params["n"]]

    def state(request: Request) -> Response:
        return JSONResponse({k: v for k, v in wire(request).state.items() if k != "layout"})

    def following(request: Request) -> Response:
        """What has come since, or nothing after a while."""
        told: list[Any] = []
        try:
            told.append(wire(request).sent.get(timeout=1))
            while True:
                told.append(wire(request).sent.get_nowait())
        except queue.Empty:
            pass
        texts = [(head, [base64.b64encode(b).decode() for b in data]) for head, data in told]
        return JSONResponse(texts)

    async def send(request: Request) -> Response:
        wire(request).deliver(await request.json())
        return Response()

    async def write(request: Request) -> Response:
        wire(request).write(**await request.json())
        return Response()

    return Starlette(
        routes=[
            Route("/", page),
            Route("/state/{n:int}", state),
            Route("/next/{n:int}", following),
            Route("/send/{n:int}", send, methods=["POST"]),
            Route("/write/{n:int}", write, methods=["POST"]),
        ]
    )
