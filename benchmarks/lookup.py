"""What do guesses from the prompt gain where a text is summarised? Ratio to our own plain decode.

GPT-2 124M's shape with random weights writes given summaries of given texts behind their text, a
token a step; a guess counts where it is the token that comes. So the work is the model's, and how
often a guess is right is that of real summaries, not of what a model without training would write:

- ``copied``: the first three sentences of the text, as a summary that takes over sentences;
- ``written``: the reference, in words of its own.

Both ways take turns, text by text. Reading the text is left out, the looking-up is not. One line
of JSON: for each kind, medians over the texts of the rate, of the ratio, and of the tokens a step.

    python -m benchmarks.lookup [--pairs FILE.jsonl.xz] [--texts 12] [--dtype int8] [--guess 8]
"""

import argparse
import json
import lzma
import os
import re
import statistics
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import get_args

from cutaway.engine import Engine, Format
from cutaway.generation.drafting import PromptLookup
from cutaway.generation.reader import EngineReader
from cutaway.models import GPT2, PRESETS
from cutaway.tokenizers import Tokenizer

DATA = Path(os.environ.get("CUTAWAY_DATA", Path(__file__).parents[2] / "shared" / "data"))
PAIRS = DATA / "story_summaries" / "valid.jsonl.xz"
MOST_NEW = 120


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--pairs", type=Path, default=PAIRS, help="`document` and `summary`, JSONL")
    parser.add_argument("--texts", type=int, default=12)
    parser.add_argument("--dtype", choices=get_args(Format), default="int8")
    parser.add_argument("--guess", type=int, default=8, help="tokens at most")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    plain = EngineReader(random_engine(options.dtype))
    looking = EngineReader(plain.engine, drafter=partial(PromptLookup, options.guess))
    found: dict[str, list[tuple[float, float, float]]] = {"copied": [], "written": []}
    for document, summaries in texts(options.pairs, options.texts):
        for kind, summary in summaries.items():
            slow, n_plain = seconds(plain, document, summary)
            fast, n_steps = seconds(looking, document, summary)
            found[kind].append((len(summary) / slow, slow / fast, n_plain / n_steps))
    kinds = {
        kind: dict(
            zip(
                ("plain tokens/s", "ratio", "tokens a step"),
                (round(statistics.median(column), 2) for column in zip(*rows, strict=True)),
                strict=True,
            )
        )
        for kind, rows in found.items()
    }
    print(json.dumps({"benchmark": "lookup", "dtype": options.dtype, **kinds}))


def random_engine(format: Format) -> Engine:
    engine = Engine(PRESETS["gpt2"], format=format)
    for name, weight in GPT2(PRESETS["gpt2"]).state_dict().items():
        engine.fill(name, weight)
    return engine


def texts(path: Path, n_texts: int) -> Iterator[tuple[list[int], dict[str, list[int]]]]:
    """Documents that leave room in the context, and their two summaries, as ids."""
    encode, room = Tokenizer.gpt2().encode, PRESETS["gpt2"].n_ctx - MOST_NEW - 9
    with lzma.open(path, "rt", encoding="utf-8") as file:
        for line in file:
            pair = json.loads(line)
            document = encode(pair["document"] + "\nTL;DR:")
            if len(document) > room or not n_texts:
                continue
            n_texts -= 1
            copied = " " + " ".join(re.split(r"(?<=[.!?])\s+", pair["document"])[:3])
            written = " " + pair["summary"]
            kinds = {"copied": copied, "written": written}
            yield document, {kind: encode(text)[:MOST_NEW] for kind, text in kinds.items()}


def seconds(reader: EngineReader, document: list[int], summary: list[int]) -> tuple[float, int]:
    """How long a summary takes to be written, and how often the model is asked for it."""
    rows = reader.rows([document], n_total=len(document) + MOST_NEW, exact=True)
    n_steps = 0
    read = reader.engine.read

    def counted(*args: object) -> object:
        nonlocal n_steps
        n_steps += 1
        return read(*args)  # type: ignore[arg-type]

    reader.engine.read = counted  # type: ignore[method-assign, assignment]
    started = time.perf_counter()
    for token in summary:
        rows.step([token])
    took = time.perf_counter() - started
    reader.engine.read = read  # type: ignore[method-assign]
    rows.close()
    return took, n_steps


if __name__ == "__main__":
    main()
