"""How long does a click in the explorer take? The server's answers, in this process.

The app that ``cutaway explore`` serves is asked through ASGI, without a socket, about the bundled
model; each answer is for a run, a layer or a position not asked for before, so nothing is cached.

    ten_words   POST step, then GET next?k=10: the click on a word of a text of --text tokens
    matrix      one head's pattern of the full context as pixels (u1, a triangle), its block new
    same_layer  another head of that layer
    overview    every head of every layer of the full context, pooled to 64 x 64

Medians and maxima in milliseconds, and the median of the processor's time for it, which other work
on the machine disturbs less. One line of JSON.

    python -m benchmarks.explorer [--text 32] [--rounds 9] [--threads 2]
"""

import argparse
import json
import platform
import statistics
import time
from collections.abc import Callable

import torch
from starlette.testclient import TestClient

import cutaway
from cutaway.server import create_app


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--text", type=int, default=32, help="tokens of the text that is clicked on"
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


def timed(ask: Callable[[int], object], *, rounds: int) -> dict[str, float]:
    """Milliseconds of ``ask(n)``, n from 0; the first is to warm up."""
    taken: list[float] = []
    worked: list[float] = []
    for n in range(rounds + 1):
        start, began = time.perf_counter(), time.process_time()
        ask(n)
        taken.append(1_000 * (time.perf_counter() - start))
        worked.append(1_000 * (time.process_time() - began))
    middle, cpu = statistics.median(taken[1:]), statistics.median(worked[1:])
    return {"median": round(middle, 1), "max": round(max(taken[1:]), 1), "cpu": round(cpu, 1)}


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    lm = cutaway.load("pocket")
    config = lm.model.config
    client = TestClient(create_app([lm]), base_url="http://127.0.0.1")

    def get(path: str) -> object:
        answer = client.get(path)
        answer.raise_for_status()
        return answer

    def opened(ids: list[int]) -> str:
        return client.post("/api/runs", json={"ids": ids}).raise_for_status().json()["run"]

    ids = lm.encode("Once upon a time there was a little girl who had a red ball. " * 99)
    short = opened(ids[: options.text])

    def click(n: int) -> None:
        answer = client.post(f"/api/runs/{short}/step", json={"id": n}).raise_for_status()
        get(f"/api/runs/{answer.json()['info']['run']}/next?k=10")

    def full(n: int) -> str:
        return opened([n, *ids[: config.n_ctx - 1]])

    def matrix(n: int) -> None:
        layer, head = n % config.n_layer, n // config.n_layer % config.n_head
        get(f"/api/runs/{whole}/tensor/h.{layer}.attn.pattern?head={head}&dtype=u1")

    def same_layer(n: int) -> None:
        get(f"/api/runs/{whole}/tensor/h.0.attn.pattern?head={n % config.n_head}&dtype=u1")

    def overview(n: int) -> None:
        for layer in range(config.n_layer):
            get(f"/api/runs/{whole}/overview?layer={layer}")

    results = {"ten_words": timed(click, rounds=options.rounds)}
    whole = full(0)
    results["open_full"] = timed(lambda n: full(n + 1), rounds=3)
    results["matrix"] = timed(matrix, rounds=options.rounds)
    results["same_layer"] = timed(
        lambda n: get(
            f"/api/runs/{whole}/tensor/h.0.attn.pattern?head={n % config.n_head}&dtype=u1"
        ),
        rounds=options.rounds,
    )
    results["overview"] = timed(overview, rounds=3)
    machine = {"cpu": platform.processor() or platform.machine(), "threads": options.threads}
    about = {"torch": torch.__version__, "text": options.text, "n_ctx": config.n_ctx}
    print(json.dumps({"explorer_ms": results, **machine, **about}))


if __name__ == "__main__":
    main()
