"""Beam search of many prompts at once: this package beside transformers, with the same weights.

A decoder-only model of the shape of a small translation model (6 layers of 256, 10,000 tokens)
continues prompts of 10 to 30 tokens by five beams, all of them in one call. Contenders take turns
in one process, so that all have the same machine; each says how many seconds it needed for all
prompts, and whether its texts are those of transformers.

- ``engine float32``, ``engine bfloat16``, ``engine int8``: :class:`cutaway.engine.Engine`;
- ``torch``: our readable model;
- ``transformers``: ``GPT2LMHeadModel.generate``, prompts sorted by length, padded on the left, as
  many at once as is said; ``early_stopping="never"``, which is what our search does.

Weights are random unless a model is given. So that texts end as translations do, the end of text
is made likelier until most texts end. ``--cpu`` measures the processor's time instead of the
clock's: for a machine that others use. One line of JSON.

    python -m benchmarks.translation [--prompts 200] [--new 30] [--beams 5] [--threads 1]
    python -m benchmarks.translation --model runs/translation-gpt2/model --data test.en.gz
"""

import argparse
import gzip
import json
import statistics
import time
import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
import transformers

from benchmarks.peers import transformers_gpt2
from cutaway.engine import Engine
from cutaway.generation import GenerationConfig, LanguageModel
from cutaway.generation.beam import beam_search
from cutaway.generation.model_reader import ModelReader
from cutaway.generation.prompts import read_prompt
from cutaway.generation.reader import EngineReader, Reader
from cutaway.models import GPT2, GPT2Config

SIZE = GPT2Config(vocab_size=10_000, n_ctx=256, n_embd=256, n_layer=6, n_head=4)
END = 0
FORMATS = ("float32", "bfloat16", "int8")
Texts = list[tuple[int, ...]]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", type=Path, help="a directory with a trained GPT-2")
    parser.add_argument("--data", type=Path, help="with --model: a sentence a line, perhaps .gz")
    parser.add_argument("--marker", help="with --model: a token behind each sentence")
    parser.add_argument("--prompts", type=int, default=200)
    parser.add_argument("--new", type=int, default=30, help="tokens at most")
    parser.add_argument("--beams", type=int, default=5)
    parser.add_argument("--length-penalty", type=float, default=1.0)
    parser.add_argument("--their-batch", type=int, nargs="+", default=[32], help="prompts at once")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", nargs="+", help="of the contenders")
    parser.add_argument("--cpu", action="store_true", help="measure the processor's time")
    return parser.parse_args()


def main() -> None:
    options = arguments()
    torch.set_num_threads(options.threads)
    model, prompts, end = trained(options) if options.model else random(options)
    found = contenders(model, prompts, end, options)
    clock = time.process_time if options.cpu else time.perf_counter
    seconds: dict[str, list[float]] = {name: [] for name in found}
    texts: dict[str, Texts] = {}
    for round in range(options.rounds + 1):
        for name, search in found.items():
            start = clock()
            texts[name] = search(prompts[:2] if round == 0 else prompts)
            if round:
                seconds[name].append(clock() - start)
    print(json.dumps(report(options, seconds, texts)))


def report(
    options: argparse.Namespace, seconds: dict[str, list[float]], texts: dict[str, Texts]
) -> dict[str, object]:
    theirs = [name for name in texts if name.startswith("transformers")]
    best = min(theirs, key=lambda name: statistics.median(seconds[name])) if theirs else None
    results: dict[str, dict[str, object]] = {}
    for name, times in seconds.items():
        middle = statistics.median(times)
        results[name] = {
            "seconds": round(middle, 3),
            "sentences/s": round(options.prompts / middle, 2),
        }
        if best is not None:
            equal = sum(map(tuple.__eq__, texts[name], texts[best]))
            ratios = [theirs / ours for theirs, ours in zip(seconds[best], times, strict=True)]
            results[name] |= {
                "ratio": round(statistics.median(ratios), 3),
                "equal texts": f"{equal} of {len(texts[best])}",
            }
    lengths = [len(ids) for ids in texts[best or next(iter(texts))]]
    return {
        "benchmark": "translation",
        "clock": "cpu" if options.cpu else "wall",
        "prompts": options.prompts,
        "beams": options.beams,
        "length_penalty": options.length_penalty,
        "threads": options.threads,
        "tokens a text": round(statistics.mean(lengths), 1),
        "transformers": transformers.__version__,
        "torch": torch.__version__,
        "results": results,
    }


def random(options: argparse.Namespace) -> tuple[GPT2, list[list[int]], int]:
    """A model without training whose texts differ and end, and prompts of 10 to 30 tokens."""
    model = GPT2(SIZE, seed=1).eval()
    generator = torch.Generator().manual_seed(2)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.mul_(4.0)  # as uneven as what was learned
    lengths = torch.randint(10, 31, (options.prompts,), generator=generator).tolist()
    prompts = [
        torch.randint(1, SIZE.vocab_size, (n,), generator=generator).tolist() for n in lengths
    ]
    make_it_end(model, prompts[:8], options)
    return model, prompts, END


@torch.no_grad()
def make_it_end(model: GPT2, prompts: Sequence[list[int]], options: argparse.Namespace) -> None:
    """Turns the embedding of the end towards where the stream goes, until most texts end."""
    direction = model.hidden(torch.tensor([prompts[0][:10]]))[0].mean(0)
    direction /= direction.norm()
    for _ in range(40):
        texts = ours(ModelReader(model), options, END, prompts)
        if sum(ids[-1] == END for ids in texts) > 0.7 * len(texts):
            return
        model.wte.weight[END] += 0.05 * direction * model.wte.weight[END].norm()


def trained(options: argparse.Namespace) -> tuple[GPT2, list[list[int]], int]:
    """A trained model, and the sentences of a file as prompts."""
    from cutaway.generation import load

    lm: LanguageModel = load(options.model)
    assert isinstance(lm.model, GPT2)
    opened = gzip.open if options.data.suffix == ".gz" else open
    with opened(options.data, "rt", encoding="utf-8") as file:
        lines = [line.rstrip("\n") for line in file][: options.prompts]
    options.prompts = len(lines)
    after = (
        [] if options.marker is None else lm.tokenizer.encode(options.marker, allow_special=True)
    )
    return lm.model, [[*lm.tokenizer.encode(line), *after] for line in lines], lm.tokenizer.eot


def contenders(
    model: GPT2, prompts: Sequence[list[int]], end: int, options: argparse.Namespace
) -> dict[str, Callable[[Sequence[list[int]]], Texts]]:
    found: dict[str, Callable[[Sequence[list[int]]], Texts]] = {}
    for format in FORMATS:
        if wanted(f"engine {format}", options):
            reader = EngineReader(filled(model, format, options.threads))
            found[f"engine {format}"] = partial(ours, reader, options, end)
    if wanted("torch", options):
        found["torch"] = partial(ours, ModelReader(model), options, end)
    if wanted("transformers", options):
        their_model = transformers_gpt2(model, eos_token_id=end, pad_token_id=end)
        for n in options.their_batch:
            found[f"transformers, {n} at once"] = partial(theirs, their_model, n, options, end)
    return found


def wanted(name: str, options: argparse.Namespace) -> bool:
    return options.only is None or name in options.only


def filled(model: GPT2, format: str, threads: int) -> Engine:
    engine = Engine(model.config, format=format, threads=threads)  # type: ignore[arg-type]
    for name, weight in model.state_dict().items():
        engine.fill(name, weight)
    return engine


def ours(
    reader: Reader, options: argparse.Namespace, end: int, prompts: Sequence[list[int]]
) -> Texts:
    config = GenerationConfig(
        beams=options.beams,
        length_penalty=options.length_penalty,
        max_new_tokens=options.new,
        stop_ids=(end,),
    )
    sizes = {"n_vocab": reader.config.vocab_size, "n_ctx": reader.config.n_ctx}
    read = [read_prompt(ids, tokenizer=None, config=config, **sizes) for ids in prompts]
    return [best.ids for best, *_ in beam_search(reader, read, config=config, tokenizer=None)]


def theirs(
    model: transformers.GPT2LMHeadModel,
    n_at_once: int,
    options: argparse.Namespace,
    end: int,
    prompts: Sequence[list[int]],
) -> Texts:
    order = sorted(range(len(prompts)), key=lambda index: -len(prompts[index]))
    texts: dict[int, tuple[int, ...]] = {}
    for start in range(0, len(order), n_at_once):
        group = order[start : start + n_at_once]
        longest = len(prompts[group[0]])
        padding = [longest - len(prompts[index]) for index in group]
        ids = [[end] * n + list(prompts[index]) for n, index in zip(padding, group, strict=True)]
        mask = [[0] * n + [1] * (longest - n) for n in padding]
        with torch.inference_mode(), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            out = model.generate(
                torch.tensor(ids),
                attention_mask=torch.tensor(mask),
                do_sample=False,
                num_beams=options.beams,
                length_penalty=options.length_penalty,
                early_stopping="never",
                max_new_tokens=options.new,
            )
        for index, row in zip(group, out[:, longest:].tolist(), strict=True):
            n = row.index(end) + 1 if end in row else len(row)
            texts[index] = tuple(row[:n])
    return [texts[index] for index in range(len(prompts))]


if __name__ == "__main__":
    main()
