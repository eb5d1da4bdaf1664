"""How fast is text cut into GPT-2's tokens? Ours beside tiktoken, on the same text, in turn.

English, Chinese, emoji, code and other scripts, one thread, MB/s of UTF-8; and the seconds that
learning 8,192 entries from the same text takes.
"""

import json
import os
import statistics
import sys
import time
from collections.abc import Callable

import tiktoken

from cutaway.tokenizers import Tokenizer

sys.path.insert(0, "tests")
from mixed_text import mixed_text

MEGABYTES = float(os.environ.get("CUTAWAY_BENCH_MB", "20"))
ROUNDS = int(os.environ.get("CUTAWAY_BENCH_ROUNDS", "3"))
PATTERN = r"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"


def main() -> None:
    pieces, n_bytes, seed = list[str](), 0, 0
    while n_bytes < MEGABYTES * 1e6:
        pieces.append(mixed_text(100_000, seed=seed))
        n_bytes, seed = n_bytes + len(pieces[-1].encode()), seed + 1
    ours = Tokenizer.gpt2()
    peer = tiktoken.Encoding(
        "gpt2", pat_str=PATTERN, mergeable_ranks=dict(ours.ranks), special_tokens={}
    )
    engines: dict[str, Callable[[str], list[int]]] = {
        "cutaway": ours.encode,
        "tiktoken": peer.encode_ordinary,
    }
    assert all(ours.encode(piece) == peer.encode_ordinary(piece) for piece in pieces[:3])
    rates: dict[str, list[float]] = {name: [] for name in engines}
    for _ in range(ROUNDS):
        for name, encode in engines.items():
            started = time.perf_counter()
            for piece in pieces:
                encode(piece)
            rates[name].append(n_bytes / 1e6 / (time.perf_counter() - started))
    medians = {name: round(statistics.median(values), 1) for name, values in rates.items()}
    started = time.perf_counter()
    Tokenizer.train(pieces, vocab_size=8192)
    print(
        json.dumps(
            {
                "benchmark": "tokenizer",
                "megabytes": round(n_bytes / 1e6, 1),
                "mb_per_s": medians,
                "ratio_to_tiktoken": round(medians["cutaway"] / medians["tiktoken"], 2),
                "train_8192_s": round(time.perf_counter() - started, 1),
                "tiktoken": tiktoken.__version__,
            }
        )
    )


if __name__ == "__main__":
    main()
