"""What does a step of decoding cost beside the model? Microseconds for each token of each text.

A reader that computes nothing gives the same scores at every step; all that is left is choosing
the tokens, their log-probabilities, and the events. On one thread, in the time that the processor
spends on it; medians over the rounds of (time of whole texts) / (their tokens). One line of JSON.

    python -m benchmarks.choosing [--vocab 50257] [--batch 1 8] [--new 200] [--rounds 5]
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from cutaway.generation import GenerationConfig
from cutaway.generation.choosing import Logits, log_sums
from cutaway.generation.decode import decode
from cutaway.generation.sample import Prompt, Sample
from cutaway.models import GPT2Config

CASES = {
    "greedy": {"temperature": 0.0},
    "top_k=40": {"top_k": 40},
    "top_k=40, temperature=0.7": {"top_k": 40, "temperature": 0.7},
    "top_k=40, top_p=0.9": {"top_k": 40, "top_p": 0.9},
    "top_p=0.9": {"top_k": 0, "top_p": 0.9},
    "min_p=0.05": {"top_k": 0, "min_p": 0.05},
    "typical_p=0.9": {"top_k": 0, "typical_p": 0.9},
    "unrestricted": {"top_k": 0},
    "greedy, logprobs=5": {"temperature": 0.0, "logprobs": 5},
    "greedy, repetition_penalty=1.2": {"temperature": 0.0, "repetition_penalty": 1.2},
}


class Constant:
    """Rows, and the reader of them, whose scores never change."""

    def __init__(self, config: GPT2Config, logits: Logits) -> None:
        self.config, self.logits = config, logits

    def log_sums(self) -> NDArray[np.float64]:
        return log_sums(self.logits)

    def rows(self, histories: Sequence[object], **_: object) -> "Constant":
        return self

    def step(self, tokens: Sequence[int]) -> None: ...

    def select(self, rows: Sequence[int]) -> None: ...

    def close(self) -> None: ...


def scores(batch: int, n_vocab: int) -> Logits:
    """Logits as uneven as those of text: a third of the mass on one token, a long tail."""
    generator = np.random.default_rng(0)
    zipf = (-1.4 * np.log(np.arange(1, n_vocab + 1))).astype(np.float32)
    return np.stack([zipf[generator.permutation(n_vocab)] for _ in range(batch)])


def seconds(logits: Logits, settings: dict[str, float], n_new: int) -> float:
    config = GenerationConfig(max_new_tokens=n_new, **settings)  # type: ignore[arg-type]
    size = GPT2Config(vocab_size=logits.shape[1], n_embd=8, n_layer=1, n_head=1)
    prompt = Prompt("", (1,), 1 + n_new)
    samples = [
        Sample(prompt, config=config, tokenizer=None, seed=1, index=index)
        for index in range(len(logits))
    ]
    reader = Constant(size, logits)
    start = time.thread_time()
    for _ in decode(reader, samples, config=config, exact=True):  # type: ignore[arg-type]
        pass
    return time.thread_time() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--vocab", type=int, default=50_257)
    parser.add_argument("--batch", type=int, nargs="+", default=[1, 8])
    parser.add_argument("--new", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    found = {}
    for name, settings in CASES.items():
        found[name] = {}
        for batch in options.batch:
            logits = scores(batch, options.vocab)
            seconds(logits, settings, 3)
            times = [seconds(logits, settings, options.new) for _ in range(options.rounds)]
            each = statistics.median(times) / options.new / batch
            found[name][f"batch {batch}"] = round(each * 1e6, 1)
    report = {"benchmark": "choosing", "unit": "us a token", "vocab": options.vocab}
    print(json.dumps({**report, "numpy": np.__version__, "results": found}))


if __name__ == "__main__":
    main()
