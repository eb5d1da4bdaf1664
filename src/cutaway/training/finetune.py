"""A file of one's own and a model, to a model that has learned it: a recipe made for them.

What is sensible follows from the number of examples and from the size of the model, and stands in
the ``recipe.toml`` of the run, so that nothing is decided out of sight.
"""

import logging
import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from cutaway.checkpoints import open_checkpoint
from cutaway.data import PrepareConfig, prepare, read_pairs
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, DataError, unknown
from cutaway.files import atomic_write
from cutaway.processor import CPUINFO, processor_flags
from cutaway.tokenizers import Tokenizer
from cutaway.training.run import TrainedModel, place_of, train
from cutaway.training.tables import apply_setting
from cutaway.training.toml import to_toml

__all__ = ["LABELLED", "MARKERS", "TASKS", "Examples", "finetune", "recipe_for"]

logger = logging.getLogger("cutaway.training")

TASKS = ("translation", "summarization", "classification", "pairs", "text")
MARKERS: Mapping[str, str] = {
    "translation": "<to>",
    "summarization": "<sum>",
    "classification": "<class>",
    "pairs": "<sep>",
}
"""The token between source and target, where none is named."""

LABELLED = ("text", "label")
"""The fields of a classification, where none are named."""

_BATCH = 16
_FEW = 20  # pairs, of which none is held out
_HELD_OUT, _MOST_HELD_OUT = 0.05, 500
_LOOKS = 3  # at the validation pairs in one pass
# A width of 384 is tuned with 2.6e-4, GPT-2's small one with 1.3e-4, the large ones with less, as
# Radford et al. 2018 (6.25e-5 at 768, without warm-up over so little) and later practice have it.
_RATE = 0.1
_RATE_OF_LORA = 10.0  # times as much: Schulman et al. 2025, "LoRA Without Regret"


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """What is to be learned.

    Attributes:
        data: one file of pairs, or two with as many lines; for texts any number of files.
        valid: the same to measure on; without it a part is held out.
        fields: of JSON lines: the source's and the target's name (of a classification ``text`` and
            ``label``, unless given); for texts the first.
        skip_bad: whether lines that give no pair are named and left out.
    """

    data: Sequence[Path]
    valid: Sequence[Path] = ()
    fields: Sequence[str] = ()
    skip_bad: bool = False


def finetune(
    base: str,
    examples: Examples,
    *,
    task: str,
    out: Path,
    marker: str = "",
    epochs: float = 3.0,
    lora: int = 0,
    settings: Sequence[str] = (),
    device: str = "auto",
) -> TrainedModel:
    """Makes a recipe, writes it into the run's directory, and runs it; goes on after a stop.

    Args:
        base: the model to start from, by name or path.
        examples: what to learn.
        task: ``translation``, ``summarization``, ``classification``, ``pairs`` of another kind, or
            ``text``.
        out: the run's own directory.
        marker: the special token between source and target; see :data:`MARKERS`.
        epochs: passes over the examples; it ends earlier when it gets no better.
        lora: the rank of an adapter to train in the place of the model; 0 for the whole model.
        settings: changes to the recipe such as ``training.steps=200``.
        device: as for :func:`~cutaway.training.train`.

    Raises:
        ConfigError: for a choice that cannot be.
        DataError: if a file cannot be read, or a line gives no example.
        CheckpointNotFound: if there is no such model.
        Interrupted: after SIGINT or SIGTERM, with the state saved.
    """
    if task not in TASKS:
        raise unknown("task", task, TASKS)
    if not 0.0 < epochs < float("inf"):
        raise ConfigError(f"epochs is {epochs}.", "Give a number above 0.")
    opened = open_checkpoint(base)
    out.mkdir(parents=True, exist_ok=True)
    labels: Sequence[str] = ()
    if task == "text":
        if opened.tokenizer is None:
            raise ConfigError(f"{base} came without a vocabulary.", "Put tokenizer.json beside it.")
        folder = out
        data, n = _texts(examples, opened.tokenizer, out, n_ctx=opened.config.n_ctx)
    else:
        if task == "classification" and not examples.fields:
            examples = replace(examples, fields=LABELLED)
        folder = _common([*examples.data, *examples.valid])
        data, n, labels = _pairs(examples, folder, task)
    tables = recipe_for(
        base, data, n_examples=n, task=task, marker=marker, labels=labels,
        width=opened.config.n_embd, epochs=epochs, lora=lora, low=_has_bfloat16(device),
        taught=TaskFormat.find(opened.directory),
    )  # fmt: skip
    for setting in settings:
        apply_setting(tables, setting)
    about = f"# Made by `cutaway finetune`; files are relative to {folder}.\n\n"
    with atomic_write(out / "recipe.toml") as file:
        file.write((about + to_toml(tables)).encode())
    return train(out / "recipe.toml", data=folder, out=out, device=device)


def recipe_for(
    base: str,
    data: Mapping[str, Any],
    *,
    n_examples: int,
    task: str,
    marker: str = "",
    labels: Sequence[str] = (),
    width: int,
    epochs: float = 3.0,
    lora: int = 0,
    low: bool = False,
    taught: TaskFormat | None = None,
) -> dict[str, Any]:
    """The tables of a recipe.

    Args:
        base: the model to start from.
        data: the table of that name.
        n_examples: pairs to learn from, or windows of text.
        task: as for :func:`finetune`.
        marker: as for :func:`finetune`.
        labels: of a classification; those that the model knows already stay its own.
        width: of the model.
        epochs: passes over the examples.
        lora: the rank of an adapter; 0 for none.
        low: whether products in bfloat16 are fast there.
        taught: how the model was taught pairs before: the same task goes on in that way.
    """
    batch = _BATCH if n_examples >= 10 * _BATCH else max(1, min(4, n_examples))
    steps = max(1, round(epochs * n_examples / batch))
    every = max(1, round(n_examples / batch / _LOOKS))
    has_valid = bool(data.get("valid_pairs") or data.get("prepared"))
    tables: dict[str, Any] = {"seed": 0, "init": _named(base)}
    if task != "text":
        tables["task"] = _layout(task, marker, labels, taught)
    tables["data"] = dict(data)
    if lora:
        targets = ["attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj"]
        tables["lora"] = {"rank": lora, "alpha": 2.0 * lora, "targets": targets}
    rate = _RATE / width * (_RATE_OF_LORA if lora else 1.0)
    tables["optimizer"] = {"kind": "adamw", "lr": float(f"{rate:.2g}"), "weight_decay": 0.01}
    tables["schedule"] = {"kind": "linear", "warmup_steps": min(100, max(1, steps // 20))}
    tables["training"] = {
        "steps": steps,
        "batch_size": batch,
        "micro_batch_size": min(batch, 4),
        "precision": "bf16" if low else "fp32",
    }
    if has_valid:  # no better in a whole pass: it is enough
        tables["validation"] = {"every": every, "patience": _LOOKS, "keep_best": True}
    tables["checkpoints"] = {"every": every}
    return tables


def _layout(
    task: str, marker: str, labels: Sequence[str], taught: TaskFormat | None
) -> dict[str, Any]:
    too_long = "refuse" if task in ("translation", "pairs") else "cut"
    table: dict[str, Any] = {"kind": task, "marker": marker or MARKERS[task], "too_long": too_long}
    if taught is not None and taught.task == task:
        layout = {"mask": taught.mask, "loss": taught.loss}
        table = {**table, "marker": marker or taught.marker, **layout}
        labels = [*taught.labels, *(label for label in labels if label not in taught.labels)]
    return {**table, "labels": list(labels)} if labels else table


def _named(base: str) -> str:
    """A directory by its whole path, for the recipe stays when the user goes elsewhere."""
    return str(Path(base).resolve()) if Path(base).exists() else base


def _common(files: Sequence[Path]) -> Path:
    return Path(os.path.commonpath([file.resolve().parent for file in files]))


def _pairs(
    examples: Examples, folder: Path, task: str
) -> tuple[dict[str, Any], int, Sequence[str]]:
    """The table of data, how many pairs there are to learn from, and the labels that are theirs."""
    given = _source(examples.data, examples.fields, folder)
    counts = _counted(examples.data, examples, task)
    n, labels = counts.total(), list[str]()
    if task == "classification":
        labels = _labels(counts, examples)
    data: dict[str, Any] = {"train_pairs": [given]}
    if examples.skip_bad:
        data["bad_pairs"] = "skip"
    if examples.valid:
        _counted(examples.valid, examples, task)
        data["valid_pairs"] = [_source(examples.valid, examples.fields, folder)]
        return data, n, labels
    if n < _FEW:
        logger.warning("%d pairs are too few to hold any out: there is no validation", n)
        return data, n, labels
    held_out = max(1, min(round(_HELD_OUT * n), _MOST_HELD_OUT))
    border = round(1.0 - held_out / n, 6)
    data["train_pairs"] = [{**given, "part": [0.0, border]}]
    data["valid_pairs"] = [{**given, "part": [border, 1.0]}]
    logger.info("%d of %d pairs are held out to measure on", n - round(border * n), n)
    return data, round(border * n), labels


def _source(files: Sequence[Path], fields: Sequence[str], folder: Path) -> dict[str, Any]:
    if len(files) not in (1, 2):
        raise ConfigError(
            f"{len(files)} files of pairs.", "Give one, or two with as many lines: source, target."
        )
    names = [str(file.resolve().relative_to(folder)) for file in files]
    named: dict[str, Any] = dict(zip(("source", "target"), names, strict=False))
    return {**named, "fields": list(fields)} if fields else named


def _counted(files: Sequence[Path], examples: Examples, task: str) -> Counter[str]:
    """How many pairs there are of each label; bad lines show before any work is done.

    Of other tasks all pairs count as of one label.
    """
    target, has_labels = files[1] if len(files) == 2 else None, task == "classification"
    more: dict[str, Any] = {"fields": examples.fields} if examples.fields else {}
    on_bad = _pass if examples.skip_bad else None
    pairs = read_pairs(files[0], target, labels=has_labels, on_bad=on_bad, **more)
    counts = Counter(pair.target if has_labels else "" for pair in pairs)
    if not counts:
        raise DataError(f"{files[0]} has no pairs.", "Give at least one.")
    return counts


def _labels(counts: Counter[str], examples: Examples) -> list[str]:
    """The labels in an order that does not depend on the examples: numbers by their size.

    Raises:
        DataError: if there is one alone, or most come once, so that they are hardly labels.
    """
    n, field = counts.total(), examples.fields[1]
    if len(counts) == 1:
        raise DataError(
            f"All {n:,} examples have the label {next(iter(counts))[:80]!r}.",
            "Give examples of two labels or more.",
        )
    if 2 * len(counts) > n and len(counts) > 2:
        raise DataError(
            f"{n:,} examples have {len(counts):,} different labels.",
            f"Is {field!r} the field of the label? Each is to come twice or more often.",
        )
    if all(label.isdecimal() for label in counts):
        return sorted(counts, key=int)
    return sorted(counts)


def _pass(_: object) -> None:
    """The run itself names bad lines."""


def _texts(
    examples: Examples, tokenizer: Tokenizer, out: Path, *, n_ctx: int
) -> tuple[dict[str, Any], int]:
    """Texts prepared beside the run, and how many windows they fill."""
    if examples.valid:
        raise ConfigError(
            "Texts to measure on are named, and the task is text.",
            "Leave them out: a part of the texts is held out.",
        )
    more: dict[str, Any] = {"text_key": examples.fields[0]} if examples.fields else {}
    config = PrepareConfig(val=_HELD_OUT, skip_bad=examples.skip_bad, **more)
    manifest = prepare(examples.data, out / "corpus", tokenizer=tokenizer, config=config)
    return {"prepared": [{"folder": "corpus"}]}, manifest.total("n_tokens", "train") // n_ctx


def _has_bfloat16(device: str) -> bool:
    """Whether products in bfloat16 are fast: on graphics cards, and where a CPU has them."""
    if place_of(device).type != "cpu":
        return True
    flags = processor_flags(CPUINFO)
    return flags is not None and not {"avx512_bf16", "amx_bf16"}.isdisjoint(flags.split())
