"""What do rounded weights cost? Perplexity and divergence of the predictions, against float32.

For each model and text: the change of the perplexity, and the mean KL(float32 || rounded) of the
distributions of the next token, in nats. One line of JSON. Texts:

- of the bundled model, the beginnings of documents of a file (left out if there is none), and rows
  that it wrote itself;
- of a synthetic model of the 124M shape, rows that it wrote itself. There the log of the perplexity
  is expected to change by the KL, so a change for the better is noise.

The synthetic model is made to be hard to round; no weights of OpenAI's are needed. Its weights are
of Student's t with 5 degrees of freedom, scaled to a standard deviation of 0.14 (wte, as in GPT-2:
with it the logits have a standard deviation near 4) or 1.2 / sqrt(inputs) (matrices). Then two sets
of six channels of the residual stream are made outliers, in all blocks alike, as GPT-2 has some:

- loud ones, 16 times as large in the stream (outputs of both c_proj), of which the gains of the
  layer norms take back half: so a few inputs of c_attn, c_fc and the head are 8 times the others;
- heavy ones, whose weights in c_attn, c_fc and the head are 6 times the others.

    python -m benchmarks.quality [--text FILE] [--tokens 8192] [--preset gpt2] [--only bundled]
"""

import argparse
import json
import lzma
import os
import time
from collections.abc import Callable, Iterator
from copy import deepcopy
from pathlib import Path
from typing import get_args

import numpy as np
import torch
from torch import Tensor

from cutaway.checkpoints import Quality, load_checkpoint, quality
from cutaway.checkpoints.quantized_file import quantized, widened
from cutaway.checkpoints.rounding import written_by
from cutaway.engine import Engine, Format, Piece
from cutaway.models import GPT2, PRESETS
from cutaway.numbers import Bits, to_tensor
from cutaway.tokenizers import Tokenizer

DATA = Path(os.environ.get("CUTAWAY_DATA", Path(__file__).parents[2] / "shared" / "data"))
TEXT = DATA / "lm_text" / "public_domain_tales.valid.txt.xz"
LENGTH = 512
DEGREES, LOUD, HEAVY, N_OUTLIERS = 5.0, 16.0, 6.0, 6

# What is under test: ids (B, T) to logits (B, T, V).
Logits = Callable[[Tensor], Tensor]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--text", type=Path, default=TEXT, help="documents, also as .xz")
    parser.add_argument("--tokens", type=int, default=8192, help="to read of the text")
    parser.add_argument("--preset", choices=PRESETS, default="gpt2", help="the synthetic shape")
    parser.add_argument("--only", choices=["bundled", "synthetic"])
    return parser.parse_args()


@torch.inference_mode()
def main() -> None:
    options = arguments()
    results: list[dict[str, object]] = []
    if options.only != "synthetic":
        results += _bundled(options.text, options.tokens)
    if options.only != "bundled":
        results += _synthetic(options.preset)
    print(json.dumps({"benchmark": "quality", "torch": torch.__version__, "results": results}))


def ways(model: GPT2) -> Iterator[tuple[str, Logits]]:
    """The ways to compute the model's logits that are held against the model itself."""
    yield "int8 weights", rounded(model, 8)
    yield "int4 weights", rounded(model, 4)
    for format in get_args(Format):
        yield f"engine {format}", by_engine(model, format)


def rounded(model: GPT2, bits: Bits) -> Logits:
    """The readable model with weights that were rounded and widened again."""
    copy = deepcopy(model)
    for name, weight in quantized(model, bits).items():
        copy.get_parameter(name).data = to_tensor(widened(name, weight)).contiguous()
    return copy


def by_engine(model: GPT2, format: Format) -> Logits:
    """The engine: with what it rounds besides the weights."""
    engine = Engine(model.config, format=format)
    for name, weight in model.state_dict().items():
        engine.fill(name, weight)

    def logits(ids: Tensor) -> Tensor:
        rows = [engine.read([Piece(engine.new_text(), row, len(row))]) for row in ids.tolist()]
        return torch.from_numpy(np.stack(rows))

    return logits


def compared(before: Logits, after: Logits, rows: Tensor) -> Quality:
    """Both on all rows, one at a time; the last token of a row is not read."""
    old = (before(row[None, :-1])[0] for row in rows)
    new = (after(row[None, :-1])[0] for row in rows)
    return quality(old, new, rows[:, 1:])


def heavy_tailed(preset: str) -> GPT2:
    """A model that is hard to round; see above."""
    torch.manual_seed(1)
    model = GPT2(PRESETS[preset]).eval()
    student = torch.distributions.StudentT(DEGREES)
    channels = torch.randperm(model.config.n_embd)
    loud, heavy = channels[:N_OUTLIERS], channels[N_OUTLIERS : 2 * N_OUTLIERS]
    for name, parameter in model.named_parameters():
        if parameter.ndim == 2:
            std = 0.14 if name.startswith("w") else 1.2 / parameter.shape[0] ** 0.5
            unit = (DEGREES / (DEGREES - 2)) ** 0.5
            parameter.data = student.sample(parameter.shape) * (std / unit)
        if name.endswith("c_proj.weight"):
            parameter.data[:, loud] *= LOUD
        elif name == "wte.weight":
            parameter.data[:, heavy] *= HEAVY
        elif name.endswith(("c_attn.weight", "c_fc.weight")):
            parameter.data[heavy] *= HEAVY
        elif "ln_" in name and name.endswith("weight"):
            parameter.data[loud] *= 0.5
    return model


def beginnings(path: Path, tokenizer: Tokenizer, n_tokens: int) -> Tensor:
    """Rows of the end of a text and the first tokens of a document that is long enough."""
    with (lzma.open if path.suffix == ".xz" else open)(path, "rt", encoding="utf-8") as file:
        documents = file.read().split("<|endoftext|>")
    rows: list[list[int]] = []
    for document in documents:
        ids = tokenizer.encode(document.strip())[:LENGTH]
        if len(ids) == LENGTH and len(rows) * LENGTH < n_tokens:
            rows.append([tokenizer.eot, *ids])
    return torch.tensor(rows)


def _bundled(text: Path, n_tokens: int) -> Iterator[dict[str, object]]:
    loaded = load_checkpoint("pocket")
    assert loaded.tokenizer is not None
    texts = {"written by it": written_by(loaded.model, start=loaded.tokenizer.eot)}
    if text.is_file():
        texts[text.name] = beginnings(text, loaded.tokenizer, n_tokens)
    yield from _rows("pocket", loaded.model, texts)


def _synthetic(preset: str) -> Iterator[dict[str, object]]:
    model = heavy_tailed(preset)
    texts = {"written by it": written_by(model, start=None)}
    yield from _rows(f"heavy-tailed {preset}", model, texts)


def _rows(name: str, model: GPT2, texts: dict[str, Tensor]) -> Iterator[dict[str, object]]:
    for way, after in ways(model):
        for text, rows in texts.items():
            start = time.perf_counter()
            found = compared(model, after, rows)
            figures = {key: round(value, 6) for key, value in found.to_dict().items()}
            seconds = round(time.perf_counter() - start, 1)
            yield {"model": name, "text": text, "way": way, **figures, "seconds": seconds}


if __name__ == "__main__":
    main()
