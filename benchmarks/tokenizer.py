"""How fast is text cut into GPT-2's tokens? Ours beside its peers, on the same text, in turn.

English, Chinese, emoji, code and other scripts as documents of about 4 KB, first pass (every round
starts with tokenizers that have seen no text), one thread, in MB of UTF-8 per second of processor
time, so that a busy machine hurts all alike. Then what a start costs, the longest a megabyte of one
character takes, and what learning 8,192 entries takes.
"""

import json
import os

os.environ["RAYON_NUM_THREADS"] = "1"  # before any of the libraries starts its threads
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from importlib.metadata import version

import tiktoken
import tokenizers
from fastokens import Tokenizer as Fastokens

from cutaway.tokenizers import Tokenizer, engine
from cutaway.tokenizers.document import tokenizer_json
from cutaway.tokenizers.vocabulary import gpt2_merges, gpt2_ranks

sys.path.insert(0, "tests")
from mixed_text import mixed_text

MEGABYTES = float(os.environ.get("CUTAWAY_BENCH_MB", "20"))
ROUNDS = int(os.environ.get("CUTAWAY_BENCH_ROUNDS", "3"))
SLOW_PEERS_MB = 2.0  # of the text, for the peer that would take minutes
DOCUMENT = 2_000  # characters
UNITS = ("x", " ", "\n", "9", "一")

Batch = Callable[[list[str]], list[list[int]]]
RANKS = gpt2_ranks()
DOCUMENT_JSON = tokenizer_json(RANKS, gpt2_merges(), eot=50_256, special=False)


def cutaway() -> Batch:
    fresh = Tokenizer(RANKS)._with(gpt2_merges)
    return fresh.encode_batch


def cutaway_warm() -> Batch:
    fresh = Tokenizer(RANKS)._with(gpt2_merges)
    fresh._engine._seen = engine._MUCH
    assert fresh._engine._bulk is not None
    return fresh.encode_batch


def with_fastokens() -> Batch:
    fast = Fastokens.from_json_str(DOCUMENT_JSON)
    return lambda texts: [encoding.ids for encoding in fast.encode_batch(texts)]


def with_tiktoken() -> Batch:
    pattern = engine.WORDS  # tiktoken's own fast spelling of GPT2_PATTERN
    peer = tiktoken.Encoding("gpt2", pat_str=pattern, mergeable_ranks=RANKS, special_tokens={})
    return lambda texts: [peer.encode_ordinary(text) for text in texts]


def with_tokenizers() -> Batch:
    peer = tokenizers.Tokenizer.from_str(DOCUMENT_JSON)
    return lambda texts: [encoding.ids for encoding in peer.encode_batch_fast(texts)]


PEERS: dict[str, Callable[[], Batch]] = {
    "cutaway": cutaway,
    "cutaway_warm": cutaway_warm,
    "fastokens": with_fastokens,
    "tiktoken": with_tiktoken,
    "tokenizers": with_tokenizers,
}


def documents() -> list[str]:
    found: list[str] = []
    n_bytes = seed = 0
    while n_bytes < MEGABYTES * 1e6:
        text = mixed_text(100_000, seed=seed)
        n_bytes, seed = n_bytes + len(text.encode()), seed + 1
        found += [text[i : i + DOCUMENT] for i in range(0, len(text), DOCUMENT)]
    return found


def size(texts: list[str]) -> float:
    return sum(len(text.encode()) for text in texts) / 1e6


def seconds(work: Callable[[], object]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def rates(texts: list[str]) -> dict[str, float]:
    found: dict[str, list[float]] = {name: [] for name in PEERS}
    few = texts[: max(1, int(len(texts) * min(1.0, SLOW_PEERS_MB / MEGABYTES)))]
    for _ in range(ROUNDS):
        for name, make in PEERS.items():
            encode, share = make(), few if name == "tokenizers" else texts
            batches = [share[i : i + 256] for i in range(0, len(share), 256)]
            taken = seconds(lambda: [encode(batch) for batch in batches])  # noqa: B023
            found[name].append(size(share) / taken)
    return {name: round(statistics.median(values), 1) for name, values in found.items()}


def start_ms() -> dict[str, float]:
    """From nothing to the ids of a word, in a process of its own; the interpreter not counted."""
    program = (
        "import time; t = time.process_time()\n"
        "from cutaway.tokenizers import Tokenizer\n"
        "Tokenizer.gpt2().encode('Hello')\n"
        "print(time.process_time() - t)"
    )
    values = [
        float(subprocess.check_output([sys.executable, "-c", program])) for _ in range(ROUNDS)
    ]
    bulk = [seconds(cutaway_warm) for _ in range(ROUNDS)]
    return {
        "first_ids": round(1e3 * statistics.median(values), 1),
        "bulk_library": round(1e3 * statistics.median(bulk), 1),
    }


def longest_run() -> float:
    """The slowest of a megabyte of one character, by a tokenizer that has seen no text."""
    fresh = Tokenizer(RANKS)._with(gpt2_merges)
    fresh.encode("ready")
    return max(
        seconds(lambda: fresh.encode(unit * (1_000_000 // len(unit.encode()))))  # noqa: B023
        for unit in UNITS
    )


def main() -> None:
    texts = documents()
    few = texts[:200]
    expected = with_tiktoken()(few)
    assert all(make()(few) == expected for name, make in PEERS.items() if name != "tokenizers")
    line = {
        "benchmark": "tokenizer",
        "megabytes": round(size(texts), 1),
        "rounds": ROUNDS,
        "mb_per_cpu_s": rates(texts),
        "start_cpu_ms": start_ms(),
        "megabyte_of_one_character_cpu_s": round(longest_run(), 2),
        "train_8192_cpu_s": round(seconds(lambda: Tokenizer.train(texts, vocab_size=8192)), 1),
        "versions": {
            name: version(name) for name in ("tiktoken", "fastokens", "tokenizers", "rustbpe")
        },
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
