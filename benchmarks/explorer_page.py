"""How long does a reader of the explorer wait? In a browser, against ``cutaway explore`` itself.

The command is started as anyone would start it, with the bundled model; Debian's Chromium, without
a graphics card, opens the page.

    start   from the command until it prints its address
    paint   from the link until the first text is painted, in a browser that was never here before
    page    from the link until the ten words of the text are there
    words   from the click on a word until the ten words behind it are drawn
    head    from the key that asks for the next head until the matrix of 1,024 tokens is drawn
    masks   the same in the Mask laboratory, which draws four stages of it

Medians and maxima in milliseconds; one line of JSON.

    python -m benchmarks.explorer_page [--rounds 7]
"""

import argparse
import json
import platform
import signal
import statistics
import subprocess
import sys
import time
from typing import Any

from benchmarks.browser import NEXT_HEAD, SIZE, chromium, packed, repeated, settle

COMMAND = [sys.executable, "-m", "cutaway", "explore", "-m", "pocket", "--port", "0"]
TEXT = "Once upon a time there was a little girl who lived in a house by the sea"
PAINTED = "performance.getEntriesByName('first-contentful-paint')[0].startTime"
CLICK = """
async () => {
  const rest = () => document.querySelector('.next-words [data-of=rest_mass]').dataset.value;
  const before = rest();
  const started = performance.now();
  document.querySelector('.next-words tr[data-id] button').click();
  while (rest() === before) await new Promise(requestAnimationFrame);
  await new Promise(requestAnimationFrame);
  return performance.now() - started;
}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    began = time.perf_counter()
    server = subprocess.Popen([*COMMAND, "--no-browser"], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    url = server.stdout.readline().strip()
    started = 1_000 * (time.perf_counter() - began)
    try:
        with chromium() as browser:
            found = {
                **_openings(browser, url, rounds=rounds),
                "words": _told(_clicks(browser, url, rounds=rounds)),
                "head": _told(_heads(browser, url, "overview", rounds=rounds)),
                "masks": _told(_heads(browser, url, "masklab", rounds=rounds)),
            }
            version = browser.version
    finally:
        server.send_signal(signal.SIGINT)
        server.wait(30)
    about = {"chromium": version, "python": platform.python_version()}
    print(json.dumps({"benchmark": "explorer_page", "start": round(started), **found, **about}))


def _openings(browser: Any, url: str, *, rounds: int) -> dict[str, dict[str, float]]:
    paints: list[float] = []
    pages: list[float] = []
    for n in range(rounds + 1):
        context = browser.new_context(viewport=SIZE)
        page = context.new_page()
        began = time.perf_counter()
        page.goto(f"{url}#v=keyboard")
        page.wait_for_selector(".next-words tr[data-id]")
        if n > 0:  # the first is to warm up
            pages.append(1_000 * (time.perf_counter() - began))
            paints.append(page.evaluate(PAINTED))
        context.close()
    return {"paint": _told(paints), "page": _told(pages)}


def _clicks(browser: Any, url: str, *, rounds: int) -> list[float]:
    page = browser.new_page(viewport=SIZE)
    page.goto(f"{url}#v=keyboard&m=pocket&t={packed(_ids(page, url, TEXT))}")
    page.reload()
    page.wait_for_selector(".next-words tr[data-id]")
    settle(page)
    taken = repeated(page, CLICK, times=rounds + 1)
    page.close()
    return taken[1:]


def _heads(browser: Any, url: str, view: str, *, rounds: int) -> list[float]:
    page = browser.new_page(viewport=SIZE)
    ids = _ids(page, url, " ".join([TEXT] * 80))[:1_024]
    assert len(ids) == 1_024
    page.goto(f"{url}#v={view}&m=pocket&t={packed(ids)}")
    page.reload()
    page.wait_for_selector(f"[data-view={view}] .matrix canvas", timeout=120_000)
    settle(page)
    taken = repeated(page, NEXT_HEAD, times=rounds + 1)
    page.close()
    return taken[1:]


def _ids(page: Any, url: str, text: str) -> list[int]:
    answer = page.request.post(f"{url}api/models/pocket/tokenize", data={"text": text})
    return answer.json()["ids"]


def _told(taken: list[float]) -> dict[str, float]:
    return {"median": round(statistics.median(taken)), "max": round(max(taken))}


if __name__ == "__main__":
    main()
