"""How few examples does a pre-trained decoder need to learn to summarise? A table, cell by cell.

Khandelwal et al. 2019, "Sample Efficient Text Summarization Using a Single Pre-Trained
Transformer", at the scale of the bundled model: one set of pairs, of which 1 %, 10 % and all are
learned from by four beginners.

- ``pre-trained``: the base, all of it tuned;
- ``pre-trained, LoRA``: the base, by an adapter of low rank (and the marker's row);
- ``from scratch``: a decoder of the same size and vocabulary with fresh weights;
- ``encoder-decoder``: the Transformer of 2017 with as many parameters, half of its blocks in each
  stack, the same vocabulary, fresh weights.

All pass over the same pairs as often, in batches of the same size; the smaller share of a draw is
in the larger one. Nothing is chosen by the held-out pairs: the last weights count. Of these there
are ROUGE, of summaries with no three tokens twice, and what it cannot see: how likely the model
finds the summaries that people wrote, in nats per token. Each cell is a run by a recipe,
OUT/runs/CELL/recipe.toml. What came out stands in OUT/cells/CELL.json, and a cell that is there is
not run again, so the same command goes on after a stop. After each of them OUT/transfer.json, which
``cutaway explore --runs OUT`` draws, and OUT/table.md tell of all that are there.

    python -m benchmarks.transfer --train train.jsonl.xz --valid valid.jsonl.xz \\
        --out runs/transfer --dry-run
"""

import argparse
import json
import logging
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

import cutaway
from cutaway.apps.summarization import Summarizer
from cutaway.checkpoints import open_checkpoint, save_checkpoint
from cutaway.data.pairs import read_pairs
from cutaway.errors import ConfigError
from cutaway.evals.examples import EXPERIMENT, Curve, Experiment, Point
from cutaway.evals.rouge import Document, Rouge, read_documents, summaries_rouge, take
from cutaway.files import atomic_write
from cutaway.models import GPT2Config, TransformerConfig, new_model
from cutaway.training import train
from cutaway.training.finetune import recipe_for
from cutaway.training.toml import to_toml

BEGINNERS = ("pre-trained", "pre-trained, LoRA", "from scratch", "encoder-decoder")
SCORES = {"ROUGE-1": "rouge1", "ROUGE-2": "rouge2", "ROUGE-L": "rouge_l"}
DRAWN = "ROUGE-2"  # the paper's; commonplace words in any order have much of the other two
# Time of a position beside one of the base that is tuned whole: an adapter has no gradients of
# weights, a position of an encoder-decoder goes through half of the blocks. Rough, for the plan.
TIME = {"pre-trained, LoRA": 0.8, "encoder-decoder": 0.6}


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A run of the table.

    Attributes:
        beginner: one of :data:`BEGINNERS`.
        share: of the pairs.
        draw: which random order they are taken from, and the seed of the run.
        examples: so many pairs.
        batch: pairs of a step.
        steps: updates.
    """

    beginner: str
    share: float
    draw: int
    examples: int
    batch: int
    steps: int

    @property
    def name(self) -> str:
        """Of its files."""
        beginner = self.beginner.replace(", ", "-").replace(" ", "-").lower()
        return f"{beginner}-{100 * self.share:g}-{self.draw}"


def arguments(given: Sequence[str] | None = None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, required=True, help="pairs, JSON lines (.jsonl.xz)")
    parser.add_argument("--valid", type=Path, required=True, help="held-out pairs, JSON lines")
    parser.add_argument("--out", type=Path, required=True, help="folder of runs and results")
    parser.add_argument("--fields", default="document,summary", help="of the JSON lines")
    parser.add_argument("--base", default="pocket", help="the pre-trained decoder, a GPT-2")
    parser.add_argument("--only", nargs="+", choices=BEGINNERS, default=BEGINNERS, metavar="NAME")
    parser.add_argument("--shares", type=float, nargs="+", default=[0.01, 0.1, 1.0])
    parser.add_argument(
        "--passes", type=float, nargs="+", default=[10, 4, 2], help="for each share"
    )
    parser.add_argument("--draws", type=int, default=1)
    parser.add_argument("--batch", type=int, default=8, help="pairs of a step; fewer of few pairs")
    parser.add_argument("--rank", type=int, default=8, help="of the adapter")
    parser.add_argument("--fresh-lr", type=float, default=1e-3, help="Muon's, for fresh weights")
    parser.add_argument("--documents", type=int, default=128, help="held-out pairs that count")
    parser.add_argument("--max-tokens", type=int, default=256, help="of a summary")
    parser.add_argument("--beams", type=int, default=1, help="1: the likeliest token always")
    parser.add_argument("--no-repeat", type=int, default=3, help="as of `cutaway summarize`")
    parser.add_argument("--precision", default="bf16", choices=["fp32", "bf16"])
    parser.add_argument("--set", action="append", default=[], help="a change to every recipe")
    parser.add_argument("--dry-run", action="store_true", help="print the plan, run nothing")
    parser.add_argument("--speed", type=float, default=3000, help="tokens/s of training, for it")
    parser.add_argument("--measuring", type=float, default=60, help="s to measure a cell, for it")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> None:
    options = arguments(given)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    cells = planned(options)
    print(plan(cells, options))
    if options.dry_run:
        return
    (options.out / "cells").mkdir(parents=True, exist_ok=True)
    documents = held_out(options)
    for number, cell in enumerate(cells, 1):
        print(f"{number} of {len(cells)}: {cell.name}", flush=True)
        found = result_of(cell, documents, options)
        print(f"  {found['rouge']}, {found['seconds']:.0f} s", flush=True)
        write_results(cells, options)
    print((options.out / "table.md").read_text())


def planned(options: argparse.Namespace) -> list[Cell]:
    """All cells; the cheap ones first, so that there is something to see soon."""
    if len(options.passes) != len(options.shares):
        raise ConfigError(
            f"{len(options.shares)} shares and {len(options.passes)} numbers of passes.",
            "Give --passes for each of --shares.",
        )
    n = sum(1 for _ in read_pairs(options.train, fields=options.fields.split(",")))
    cells: list[Cell] = []
    for share, passes in zip(options.shares, options.passes, strict=True):
        examples = max(1, round(share * n))
        batch = min(options.batch, max(1, examples // 4))
        steps = max(1, round(passes * examples / batch))
        cells += [
            Cell(beginner=name, share=share, draw=draw, examples=examples, batch=batch, steps=steps)
            for draw in range(options.draws)
            for name in BEGINNERS
            if name in options.only
        ]
    return cells


def plan(cells: Sequence[Cell], options: argparse.Namespace) -> str:
    """What the table comes to, a line for each cell that is not done, and the sum."""
    a_pair = tokens_of_a_pair(options)
    lines, total = [f"{a_pair:.0f} tokens a pair, at most the context's"], 0.0
    for cell in cells:
        if cell_file(cell, options).is_file():
            lines.append(f"{cell.name:<32} is done")
            continue
        tokens = cell.steps * cell.batch * a_pair
        seconds = TIME.get(cell.beginner, 1.0) * tokens / options.speed + options.measuring
        total += seconds
        lines.append(
            f"{cell.name:<32} {cell.examples:>6,} pairs {cell.steps:>6,} steps of {cell.batch:>2} "
            f"{tokens / 1e6:>7.2f} M tokens {seconds / 60:>6.1f} min"
        )
    given = f"{options.speed:,.0f} tokens/s and {options.measuring:g} s to measure each"
    return "\n".join([*lines, f"{total / 60:.0f} minutes at {given}"])


def tokens_of_a_pair(options: argparse.Namespace) -> float:
    """On average, of the first few hundred, as many as the context holds."""
    opened = open_checkpoint(options.base)
    tokenizer, n_ctx = opened.tokenizer, opened.config.n_ctx
    assert tokenizer is not None, "a base without a vocabulary"
    pairs = read_pairs(options.train, fields=options.fields.split(","))
    some = [pair for pair, _ in zip(pairs, range(300), strict=False)]
    sides = zip(*(tokenizer.encode_batch([getattr(pair, side) for pair in some])
                  for side in ("source", "target")), strict=True)  # fmt: skip
    return sum(min(len(a) + len(b) + 1, n_ctx) for a, b in sides) / len(some)


def held_out(options: argparse.Namespace) -> list[Document]:
    document, summary = options.fields.split(",")
    found = read_documents(options.valid, document=document, summary=summary)
    return take(found, options.documents)


def cell_file(cell: Cell, options: argparse.Namespace) -> Path:
    return options.out / "cells" / f"{cell.name}.json"


def result_of(
    cell: Cell, documents: Sequence[Document], options: argparse.Namespace
) -> dict[str, Any]:
    """What a cell came to: as it was written down, or by running it."""
    path, tables = cell_file(cell, options), recipe(cell, options)
    if path.is_file():
        found = json.loads(path.read_text())
        if found["recipe"] != json.loads(json.dumps(tables)):
            raise ConfigError(
                f"{path} was made with another recipe.", "Choose another --out, or remove it."
            )
        return found
    run = options.out / "runs" / cell.name
    run.mkdir(parents=True, exist_ok=True)
    (run / "recipe.toml").write_text(to_toml(tables))
    start = time.perf_counter()
    trained = train(run / "recipe.toml", data=options.train.parent, out=run, settings=options.set)
    between = time.perf_counter()
    scored, parameters = measured(trained.directory, documents, options)
    found = {
        "cell": {name: getattr(cell, name) for name in cell.__slots__},
        "recipe": tables,
        "settings": options.set,
        "parameters": parameters,
        "nats_per_target_token": trained.valid_loss,
        "seconds": round(between - start, 1),  # of the last part, if it was stopped
        "seconds_to_measure": round(time.perf_counter() - between, 1),
        **scored,
    }
    with atomic_write(path) as file:
        file.write((json.dumps(found, indent=2) + "\n").encode())
    shutil.rmtree(run / "checkpoints", ignore_errors=True)
    return found


def recipe(cell: Cell, options: argparse.Namespace) -> dict[str, Any]:
    """The recipe of a cell: what ``cutaway finetune`` makes, and another beginning."""
    base = open_checkpoint(options.base)
    source = {"source": options.train.name, "fields": options.fields.split(",")}
    pairs = {**source, "part": [0.0, cell.share], "draw": cell.draw}
    valid = {"source": str(options.valid.resolve()), "fields": options.fields.split(",")}
    tables = recipe_for(
        options.base,
        {"train_pairs": [pairs], "valid_pairs": [valid]},
        n_examples=cell.examples,
        task="summarization",
        width=base.config.n_embd,
        lora=options.rank if cell.beginner == "pre-trained, LoRA" else 0,
        low=options.precision == "bf16",
    )
    tables["seed"] = cell.draw
    batch = {"batch_size": cell.batch, "micro_batch_size": min(cell.batch, 4)}
    tables["training"] |= {"steps": cell.steps, **batch}
    tables["schedule"]["warmup_steps"] = max(1, min(100, cell.steps // 10))
    tables["validation"] = {"every": 0}  # at the end alone
    tables["checkpoints"] = {"every": max(1, cell.steps // 4), "keep": 1}
    if cell.beginner not in ("pre-trained", "pre-trained, LoRA"):
        tables["init"] = str(fresh(cell, options))
        rate = {"lr": options.fresh_lr, "muon_lr": options.fresh_lr}
        tables["optimizer"] = {"kind": "muon", **rate, "weight_decay": 0.1}
    return tables


def fresh(cell: Cell, options: argparse.Namespace) -> Path:
    """A model of the base's size and vocabulary that has learned nothing."""
    folder = (options.out / "fresh" / f"{cell.beginner.replace(' ', '-')}-{cell.draw}").resolve()
    if not (folder / "config.json").is_file():
        base = open_checkpoint(options.base)
        config = base.config
        if not isinstance(config, GPT2Config):
            raise ConfigError(f"{options.base} is no GPT-2.", "Name one with --base.")
        size = two_stacks(config) if cell.beginner == "encoder-decoder" else config
        save_checkpoint(folder, new_model(size, seed=cell.draw), base.tokenizer)
    return folder


def two_stacks(config: GPT2Config) -> TransformerConfig:
    """An encoder and a decoder with as many weights in their blocks, half of these in each stack.

    A block of GPT-2 has 12 D^2, one of each stack together 12 D^2 and four times the inner width.
    """
    n_layer = max(1, config.n_layer // 2)
    n_inner = round(config.n_embd * (3 * config.n_layer / n_layer - 3))
    shared = ("vocab_size", "n_ctx", "n_embd", "n_head", "dropout")
    sizes = {name: getattr(config, name) for name in shared}
    return TransformerConfig(n_layer=n_layer, n_inner=n_inner, **sizes)


def measured(
    directory: Path, documents: Sequence[Document], options: argparse.Namespace
) -> tuple[dict[str, Any], int]:
    """ROUGE of a model's summaries with its protocol, and how many parameters the model has."""
    has_encoder = isinstance(open_checkpoint(directory).config, TransformerConfig)
    lm = cutaway.load(directory, dtype="readable" if has_encoder else "float32")
    how = {"max_tokens": options.max_tokens, "beams": options.beams}
    summarize = Summarizer(lm, too_long="cut", no_repeat=options.no_repeat, **how)
    texts = [document.text for document in documents]
    summaries: list[str] = []
    for start in range(0, len(texts), 32):
        for made in summarize.attempts(texts[start : start + 32]):
            if isinstance(made, Exception):
                raise made
            summaries.append(made.text)
    found = summaries_rouge(documents, summaries, made=summarize.protocol, limit=options.documents)
    told = {"rouge": str(found.system), **found.to_dict(), "example": summaries[0]}
    told["scores"] = {name: getattr(found.system, key) for name, key in SCORES.items()}
    return told, sum(p.numel() for p in lm.model.parameters())


def write_results(cells: Sequence[Cell], options: argparse.Namespace) -> None:
    """The curve that the explorer draws, and the table, of the cells that are done."""
    files = {cell: cell_file(cell, options) for cell in cells}
    found = {cell: json.loads(file.read_text()) for cell, file in files.items() if file.is_file()}
    first, done = next(iter(found.values())), {cell.beginner for cell in found}
    baselines = tuple(
        (name, round(100 * first[key][SCORES[DRAWN]], 2))
        for name, key in (("lead-3", "lead"), ("random-3", "random"))
    )
    Experiment(
        task="summarization",
        score=DRAWN,
        protocol=f"{options.train.name}; {first['protocol']}",
        curves=tuple(curve(name, found) for name in BEGINNERS if name in done),
        baselines=baselines,
    ).save(options.out / EXPERIMENT)
    (options.out / "table.md").write_text(table(found, options))


def curve(beginner: str, found: dict[Cell, dict[str, Any]]) -> Curve:
    """The score that is drawn of a beginner after so many examples, one for each draw."""
    scores: dict[int, list[float]] = {}
    for cell, result in found.items():
        if cell.beginner == beginner:
            score = round(100 * result["scores"][DRAWN], 2)
            scores.setdefault(cell.examples, []).append(score)
    points = [Point(examples, tuple(scores[examples])) for examples in sorted(scores)]
    return Curve(beginner, tuple(points))


def table(found: dict[Cell, dict[str, Any]], options: argparse.Namespace) -> str:
    """ROUGE-1 / -2 / -L and nats per target token, means over the draws.

    A row for each share, a column for each beginner.
    """
    names = [name for name in BEGINNERS if name in options.only]
    lines = [f"| pairs | {' | '.join(names)} |", "|---|" + "---|" * len(names)]
    for examples in sorted({cell.examples for cell in found}):
        row = [f"| {examples:,} |"]
        for name in names:
            cells = [c for c in found if (c.beginner, c.examples) == (name, examples)]
            row.append(f" {_means([found[cell] for cell in cells]) if cells else 'not yet'} |")
        lines.append("".join(row))
    first = next(iter(found.values()))
    beside = [
        f"{name} {Rouge(**first[key])}"
        for name, key in (("lead-3", "lead"), ("random-3", "random"))
    ]
    return "\n".join([*lines, "", *beside, "", first["protocol"], ""])


def _means(results: Sequence[dict[str, Any]]) -> str:
    scores = [fmean(100 * result["scores"][name] for result in results) for name in SCORES]
    nats = fmean(result["nats_per_target_token"] for result in results)
    return f"{' / '.join(f'{score:.2f}' for score in scores)} ({nats:.3f})"


if __name__ == "__main__":
    main()
