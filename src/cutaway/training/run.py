"""From a recipe to a model directory: vocabulary, token files, the loop, the finished model."""

import json
import logging
from collections.abc import Generator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

import torch

from cutaway.checkpoints import open_checkpoint, save_checkpoint
from cutaway.checkpoints.pieces import note_model
from cutaway.errors import ConfigError
from cutaway.files import sweep
from cutaway.lock import Lock, alone
from cutaway.models import Decoder
from cutaway.tokenizers import Tokenizer
from cutaway.training.about import journal_of
from cutaway.training.corpus import Dealt, deal_texts
from cutaway.training.fingerprint import fingerprint
from cutaway.training.joining import code_version, joined
from cutaway.training.loop import Loop
from cutaway.training.lora import LoRA
from cutaway.training.music_corpus import open_music
from cutaway.training.pair_corpus import PairFiles, open_pairs
from cutaway.training.parallel import World
from cutaway.training.planning import check_fits
from cutaway.training.recipe import Recipe, new_rows, read_recipe
from cutaway.training.samples import Sampler
from cutaway.training.signals import stop_on_signals
from cutaway.training.start import first_model
from cutaway.training.trackers import check_trackers

__all__ = ["TrainedModel", "place_of", "train"]

logger = logging.getLogger("cutaway.training")


@dataclass(frozen=True, slots=True)
class TrainedModel:
    """What a finished run leaves.

    Attributes:
        directory: the model in the layout that :func:`cutaway.load` reads.
        valid_loss: in nats per token, None without a validation corpus.
    """

    directory: Path
    valid_loss: float | None


def train(
    recipe_path: Path,
    *,
    data: Path,
    out: Path,
    settings: Sequence[str] = (),
    init: str | None = None,
    device: str = "auto",
) -> TrainedModel:
    """Runs a recipe from corpus to model; called again after a stop, it goes on.

    Args:
        recipe_path: a TOML file.
        data: the folder of the corpus; the recipe's files are relative to it.
        out: the run's own directory: vocabulary, token files, checkpoints, journal, model.
        settings: changes to the recipe such as ``training.steps=200``.
        init: a model to start from, by name or path; default: the recipe's ``init``.
        device: such as ``cuda:0``; ``auto`` for a graphics card if there is one.

    Raises:
        ConfigError: for a recipe that cannot be taken, or that is not the one of the run in
            ``out``.
        DataError: if the corpus cannot be read or has changed since.
        CheckpointNotFound: if there is no such model to start from.
        CorruptShard: if a prepared directory is damaged.
        Interrupted: after SIGINT or SIGTERM, with the state saved.
        ResourceError: if there is too little memory for it, before any is taken; if the disk is
            full at the last save, where the checkpoint before stays and before that the run goes
            on; if another process is training in ``out``.
    """
    recipe = read_recipe(recipe_path, settings, init=init)
    check_trackers(recipe.log)
    with joined(recipe.parallel, device=device) as world:
        place = place_of(device) if world.size == 1 else world.device
        if world.is_main:  # for all, before any of them takes memory
            check_fits(recipe, device=place, processes=world.size)
        with _held(out, world) as lock:
            return _train(recipe, data, out, device=place, world=world, lock=lock)


@contextmanager
def _held(out: Path, world: World) -> Generator[Lock | None]:
    """The run's directory for the first process alone, which stands for all."""
    if not world.is_main:
        yield None
        return
    out.mkdir(parents=True, exist_ok=True)
    with alone(out, "training in") as lock:
        for folder in (out, out / "model"):
            sweep(folder)
        yield lock


def _train(
    recipe: Recipe, data: Path, out: Path, *, device: torch.device, world: World, lock: Lock | None
) -> TrainedModel:
    with world.main_first():
        model, tokenizer, dealt = _begun(recipe, data, out)
    digests = fingerprint(recipe, tokenizer, data=data, out=out)
    facts = {"recipe": recipe.to_dict(), "version of the code": code_version(), "corpus": digests}
    world.agree({name: json.dumps(fact) for name, fact in facts.items()})
    lora = _lora(recipe, model, digests, sharded=world.is_sharded)
    model.to(device)
    loop = Loop(
        model,
        recipe,
        batches=dealt.batches,
        valid=dealt.valid,
        trained=None if lora is None else lora.trained,
        directory=out,
        objective=dealt.objective,
        bytes_per_token=dealt.bytes_per_token,
        sampler=_sampler(recipe, tokenizer, out),
        data=digests,
        journal=journal_of(
            out,
            model,
            recipe,
            corpora=dealt.tokens,
            context=dealt.context,
            processes=world.size,
            silent=not world.is_main,
        ),
        own=None if lock is None else lock.check,
        world=world,
    )
    with stop_on_signals() as stop:
        valid_loss = loop.run(stop)
    finished = world.whole_model(model)
    if finished is not None:
        _save(out, finished, tokenizer, lora, recipe)
    return TrainedModel(out / "model", valid_loss)


def _sampler(recipe: Recipe, tokenizer: Tokenizer, out: Path) -> Sampler:
    """What writes texts while the model learns, as the task has them."""
    path, format = out / "samples.jsonl", recipe.task.format
    return Sampler(recipe.samples, tokenizer, path, seed=recipe.seed, format=format)


def _begun(recipe: Recipe, data: Path, out: Path) -> tuple[Decoder, Tokenizer, Dealt]:
    """The model before the first step, its vocabulary, and what the steps learn from."""
    files, format = PairFiles(recipe, data), recipe.task.format
    model, tokenizer = first_model(recipe, data, out, pairs=files)
    if format is not None:
        return model, tokenizer, open_pairs(files, format, tokenizer)
    deal = open_music if recipe.task.corpus == "music" else deal_texts
    return model, tokenizer, deal(recipe, tokenizer, data, out)


def _lora(recipe: Recipe, model: Decoder, digests: dict[str, str], *, sharded: bool) -> LoRA | None:
    """What is trained in the place of the model, if that is so; its base counts as data."""
    if not recipe.lora.rank:
        return None
    if sharded:
        raise ConfigError(
            'lora.rank is set, and parallel.kind is "fsdp".',
            'Train adapters with parallel.kind = "ddp": there is little to divide.',
        )
    lora = LoRA(model, recipe.lora, seed=recipe.seed, n_new=new_rows(recipe))
    logger.info("%s", lora)
    digests["the model beneath the LoRA"] = lora.digest_of_base()
    return lora


def _save(
    out: Path, model: Decoder, tokenizer: Tokenizer, lora: LoRA | None, recipe: Recipe
) -> None:
    (out / "model.json").unlink(missing_ok=True)  # of the model that is replaced
    format = recipe.task.format
    if lora is not None:
        base = recipe.init or None
        if base is not None and tokenizer != open_checkpoint(base).tokenizer:
            base = str(out / "base")  # no one else has a model with the new rows
            with lora.base():
                save_checkpoint(base, model, tokenizer)
        lora.save(out / "adapter", base=base)
        if format is not None:
            format.save(out / "adapter")
    with nullcontext() if lora is None else lora.merged():
        save_checkpoint(out / "model", model, tokenizer)
    if format is not None:
        format.save(out / "model")
    note_model(out)


def place_of(name: str) -> torch.device:
    """A device by its name; ``auto`` for a graphics card if there is one.

    Raises:
        ConfigError: if it cannot be used.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        why = str(error).splitlines()[0]
        raise ConfigError(f"The device {name!r} cannot be used: {why}.", "Try cpu.") from None
    return device
