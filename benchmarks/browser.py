"""Debian's Chromium on the explorer's page, for the benchmarks that need one."""

import base64
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

SIZE = {"width": 1440, "height": 900}
# From the key that asks for the next head until it is drawn.
NEXT_HEAD = """
async () => {
  const shown = () => {
    const { frame, arcs } = document.querySelector('.matrix canvas, .arcs canvas').cutaway;
    return frame ?? arcs;
  };
  const before = shown();
  const started = performance.now();
  document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'h', bubbles: true }));
  while (shown() === before) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - started;
}
"""


@contextmanager
def chromium() -> Iterator[Any]:
    """A browser without a graphics card."""
    from playwright.sync_api import sync_playwright

    path = shutil.which("chromium") or shutil.which("chromium-browser")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=path, args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


def packed(ids: Sequence[int]) -> str:
    """Ids as the page writes them into its address."""
    return "s" + base64.urlsafe_b64encode(np.asarray(ids, "<u2").tobytes()).decode().rstrip("=")


def settle(page: Any) -> None:
    """Waits until the page asks for nothing any more."""
    page.wait_for_selector("[data-busy=false]", state="attached", timeout=120_000)


def repeated(page: Any, script: str, *, times: int) -> list[float]:
    """Milliseconds that a script of the page told, each time from a page at rest."""
    taken: list[float] = []
    for _ in range(times):
        taken.append(page.evaluate(script))
        settle(page)
    return taken
