"""What do taps cost when nobody looks? One decoding step, with and without them, in turn.

The width is small on purpose: arithmetic hides Python, so this is the worst case.
"""

import json
import statistics
import time

import torch

from benchmarks.untapped import untapped_gpt2
from cutaway.models import GPT2, GPT2Config

ROUNDS, CALLS = 21, 40


def main() -> None:
    torch.set_num_threads(1)
    config = GPT2Config(vocab_size=256, n_ctx=64, n_embd=64, n_layer=12, n_head=4)
    tapped = GPT2(config).eval()
    untapped = untapped_gpt2().GPT2(config).eval()
    token = torch.zeros(1, 1, dtype=torch.long)
    with torch.inference_mode():
        assert torch.equal(tapped(token), untapped(token))
        rounds = [[_seconds(model, token) for model in (tapped, untapped)] for _ in range(ROUNDS)]
    ratios = [with_taps / without for with_taps, without in rounds]
    print(
        json.dumps(
            {
                "benchmark": "taps",
                "us_with": round(1e6 * statistics.median(r[0] for r in rounds), 1),
                "us_without": round(1e6 * statistics.median(r[1] for r in rounds), 1),
                "ratio": round(statistics.median(ratios), 4),
                "ratio_quartiles": [round(q, 4) for q in statistics.quantiles(ratios, n=4)[::2]],
                "torch": torch.__version__,
            }
        )
    )


def _seconds(model: torch.nn.Module, token: torch.Tensor) -> float:
    started = time.perf_counter()
    for _ in range(CALLS):
        model(token)
    return (time.perf_counter() - started) / CALLS


if __name__ == "__main__":
    main()
