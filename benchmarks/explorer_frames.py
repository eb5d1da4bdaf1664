"""How long is a frame of the explorer's larger views at 1,024 tokens, on software rendering?

A matrix is zoomed and panned, then the pointer moves over it: one of 144 heads in the overview, all
four stages at once in the mask laboratory. Arcs and the cabinet are drawn anew for another position
or head in each frame, from answers that are here already. The maps of a page, the text that two
models read and the lines of a translation are walked by arrow keys. ``work`` is what a frame costs:
the event, what follows from it in the page, the drawing, and its raster, which reading a pixel back
forces. ``interval`` is the time between frames, which the screen's 60 Hz bound from below: compare
it with that of a page at ``rest``.
"""

import asyncio
import json
import statistics
import threading
import time
from typing import Any

import torch

from benchmarks.browser import NEXT_HEAD, SIZE, chromium, packed, repeated, settle
from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

N_TOKENS, FRAMES = 1_024, 90
MARKER, N_WRITTEN = "<to-de>", 64
VIEWS = {
    "overview": ("rest", "zoom", "pan", "hover"),
    "masklab": ("zoom", "pan", "hover"),
    "arcs": ("move",),
    "cabinet": ("move",),
    "page": ("key",),
    "compare": ("key",),
    "pairs": ("key",),
}
MORE = {"arcs": "&g=one", "compare": "&l=3&h=5&o=with.head"}
HEADS = ("overview", "masklab", "arcs")  # in which the next head is drawn on a canvas
MEASURE = """
async ({ kind, frames }) => {
  const canvas = document.querySelector(
    '.matrix canvas, .arcs canvas, .folder canvas, canvas[data-map]',
  );
  const walked = document.querySelector(
    '[data-view=page] [role=slider], [data-view=compare] .text, .aligned [role=listbox]',
  );
  const box = (canvas ?? document.body).getBoundingClientRect();
  const at = (i) => ({
    bubbles: true, pointerId: 1, isPrimary: true, cancelable: true,
    clientX: box.left + 200 + 90 * Math.sin(i / 9), clientY: box.top + 250 + 90 * Math.cos(i / 7),
  });
  const fire = (Kind, name, more) => canvas.dispatchEvent(new Kind(name, more));
  const wheel = (i, by) => fire(WheelEvent, 'wheel', { ...at(i), ctrlKey: true, deltaY: by });
  const frame = () => new Promise((done) => requestAnimationFrame(done));
  if (kind === 'pan') {
    for (let i = 0; i < 4; i++) wheel(0, -300);
    fire(PointerEvent, 'pointerdown', at(0));
  }
  const [interval, work] = [[], []];
  let last = await frame();
  for (let i = 1; i <= frames; i++) {
    let began = 0;
    requestAnimationFrame(() => (began = performance.now()));
    const started = performance.now();
    if (kind === 'move') {
      const key = i % 2 ? 'h' : 'H';
      document.body.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true }));
    } else if (kind === 'key') {
      const key = i % 2 ? 'ArrowLeft' : 'ArrowRight';
      walked.dispatchEvent(new KeyboardEvent('keydown', { key, bubbles: true, cancelable: true }));
    } else if (kind === 'zoom') wheel(i, i % 30 < 15 ? -90 : 90);
    else if (kind !== 'rest') fire(PointerEvent, 'pointermove', at(i));
    for (let turn = 0; turn < 4; turn++) await Promise.resolve();
    const flushed = performance.now() - started;
    const now = await frame();
    if (canvas) canvas.getContext('2d').getImageData(300, 300, 1, 1);
    else document.body.getBoundingClientRect();
    work.push(flushed + performance.now() - began);
    interval.push(now - last);
    last = now;
  }
  if (kind === 'pan') fire(PointerEvent, 'pointerup', at(frames));
  return { interval, work };
}
"""


def main() -> None:
    lm = _model()
    url, stop = _serve(lm)
    ids = [n * n % lm.tokenizer.eot for n in range(N_TOKENS)]
    ids[-N_WRITTEN - 1] = lm.tokenizer.special(MARKER)
    text = packed(ids)
    found: dict[str, Any] = {}
    with chromium() as browser:
        page = browser.new_page(viewport=SIZE, reduced_motion="reduce")
        for view, kinds in VIEWS.items():
            started = time.perf_counter()
            page.goto(f"{url}/#v={view}&m=bench&t={text}{MORE.get(view, '')}")
            page.reload()
            drawn = "figure" if view in ("compare", "pairs") else "figure canvas"
            page.wait_for_selector(f"[data-view={view}] {drawn}", timeout=120_000)
            settle(page)
            opened = round(time.perf_counter() - started, 2)
            frames = {kind: _frames(page, kind) for kind in kinds}
            found[view] = {"s_opened": opened, **frames}
            if view in HEADS:
                taken = repeated(page, NEXT_HEAD, times=5)
                found[view]["ms_head_from_click"] = round(statistics.median(taken), 1)
        version = browser.version
    stop()
    print(
        json.dumps(
            {
                "benchmark": "explorer_frames",
                "tokens": N_TOKENS,
                "heads": lm.model.config.n_layer * lm.model.config.n_head,
                **found,
                "chromium": version,
                "torch": torch.__version__,
            }
        )
    )


def _model() -> LanguageModel:
    tokenizer = Tokenizer.gpt2().with_specials([MARKER])
    config = GPT2Config(
        vocab_size=tokenizer.vocab_size, n_ctx=N_TOKENS, n_embd=96, n_layer=12, n_head=12
    )
    torch.manual_seed(0)
    task = TaskFormat(task="translation", marker=MARKER)
    return LanguageModel(
        GPT2(config).eval(), tokenizer, name="bench", fingerprint="0" * 64, task=task
    )


def _serve(lm: LanguageModel) -> tuple[str, Any]:
    """The explorer on a free port, and what ends it."""
    import uvicorn

    from cutaway.server import create_app

    server = uvicorn.Server(
        uvicorn.Config(create_app([lm]), host="127.0.0.1", port=0, log_level="error")
    )
    listens = threading.Event()
    startup = server.startup

    async def told(sockets: Any = None) -> None:
        await startup(sockets)
        listens.set()

    server.startup = told  # type: ignore[method-assign]
    thread = threading.Thread(target=lambda: asyncio.run(server.serve()), daemon=True)
    thread.start()
    if not listens.wait(60):
        raise RuntimeError("The server does not start.")
    port = server.servers[0].sockets[0].getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join(30)

    return f"http://127.0.0.1:{port}", stop


def _frames(page: Any, kind: str) -> dict[str, float]:
    found = page.evaluate(MEASURE, {"kind": kind, "frames": FRAMES})
    settle(page)
    told: dict[str, float] = {}
    for name, values in found.items():
        told[f"ms_{name}_median"] = round(statistics.median(values), 2)
        told[f"ms_{name}_95th"] = round(statistics.quantiles(values, n=20)[-1], 2)
    return told


if __name__ == "__main__":
    main()
