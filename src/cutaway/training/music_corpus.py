"""The music of a run: read, encoded, and dealt to its steps."""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cutaway.data.music import BadPiece, chorales_of, performances_of
from cutaway.data.pieces import Pieces, open_pieces, write_pieces
from cutaway.errors import ConfigError, DataError
from cutaway.music.grid import encode_chorale
from cutaway.music.notes import Performance
from cutaway.music.vocabulary import chorale_tokenizer, performance_tokenizer
from cutaway.tokenizers import Tokenizer
from cutaway.training.corpus import Dealt
from cutaway.training.fingerprint import check_sources, note_sources
from cutaway.training.music_batches import ChoraleBatches, PerformanceBatches
from cutaway.training.parts import part_of
from cutaway.training.recipe import MusicSource, Recipe

__all__ = ["music_vocabulary", "open_music"]

logger = logging.getLogger("cutaway.training")


def music_vocabulary(recipe: Recipe) -> Tokenizer:
    """The vocabulary of a task of music, which is always the same.

    Raises:
        ConfigError: if it is not as large as the model's.
    """
    is_performance = recipe.task.kind == "performance"
    tokenizer = performance_tokenizer() if is_performance else chorale_tokenizer()
    if tokenizer.vocab_size != recipe.model.vocab_size:
        raise ConfigError(
            f"The vocabulary of {recipe.task.kind} has {tokenizer.vocab_size} entries, "
            f"model.vocab_size is {recipe.model.vocab_size}.",
            f"Write model.vocab_size = {tokenizer.vocab_size}"
            f"{', or start from a model of such music' if recipe.init else ''}.",
        )
    return tokenizer


def open_music(recipe: Recipe, tokenizer: Tokenizer, data: Path, out: Path) -> Dealt:
    """The batches of a run that learns music.

    Args:
        recipe: which files, and how they are dealt.
        tokenizer: of the run.
        data: the folder that the recipe's paths are relative to.
        out: the run's own directory, for the file of events.

    Raises:
        ConfigError: if the tokenizer is not that of the task.
        DataError: if a file cannot be read or has changed since, a piece is none, a chorale is too
            long, or there is none.
    """
    if tokenizer != music_vocabulary(recipe):
        raise ConfigError(
            f"The model to start from has another vocabulary than {recipe.task.kind} have.",
            "Start from a model of the same kind of music, or from none.",
        )
    if recipe.task.kind == "chorales":
        return _chorales(recipe, tokenizer, data)
    return _performances(recipe, tokenizer, data, out)


def _performances(recipe: Recipe, tokenizer: Tokenizer, data: Path, out: Path) -> Dealt:
    files = recipe.data
    train = _pieces(recipe, "train", files.stretch, tokenizer, data, out)
    dealt = Dealt(PerformanceBatches(recipe, train, eot=tokenizer.eot))
    dealt.tokens["train"] = train.index.n_tokens
    if files.valid_music:
        valid = _pieces(recipe, "valid", (1.0,), tokenizer, data, out)
        dealt.valid = dealt.batches.looks(valid, recipe.validation.windows)
        dealt.tokens["valid"] = valid.index.n_tokens
    return dealt


def _pieces(
    recipe: Recipe,
    use: str,
    stretch: Sequence[float],
    tokenizer: Tokenizer,
    data: Path,
    out: Path,
) -> Pieces:
    """The events of a use; encoded into the run's directory if they are not there."""
    sources: Sequence[MusicSource] = getattr(recipe.data, f"{use}_music")
    path = out / f"{use}.bin"
    if not path.with_suffix(".json").exists():
        logger.info("encoding %s", ", ".join(source.file for source in sources))
        note_sources(path, sources, data)
        write_pieces(path, _read(recipe, sources, data), tokenizer, stretch=stretch)
    else:
        check_sources(path, sources, data)
    pieces = open_pieces(path)
    index = pieces.index
    if index.tokenizer != tokenizer.fingerprint or tuple(index.stretch) != tuple(stretch):
        raise ConfigError(
            f"{path} was encoded with another vocabulary or data.stretch "
            f"({list(index.stretch)}, not {list(stretch)}).",
            "Remove it and the .json beside it, or choose another --out.",
        )
    logger.info(
        "%s: %s performances, %.1f h, %s notes, %s events",
        use,
        f"{len(pieces):,}",
        index.seconds / 3600,
        f"{index.n_notes:,}",
        f"{index.n_tokens:,}",
    )
    return pieces


def _chorales(recipe: Recipe, tokenizer: Tokenizer, data: Path) -> Dealt:
    def encoded(use: str, sources: Sequence[MusicSource]) -> list[NDArray[np.int64]]:
        found = list(_encoded_chorales(recipe, sources, data))
        if not found:
            raise DataError(f"There are no chorales to {use} on.", "Check data and its splits.")
        logger.info(
            "%s: %s chorales, %s tokens", use, f"{len(found):,}", f"{sum(map(len, found)):,}"
        )
        return found

    train = encoded("train", recipe.data.train_music)
    dealt = Dealt(ChoraleBatches(recipe, train, eot=tokenizer.eot))
    dealt.tokens["train"] = sum(map(len, train))
    dealt.context = sum(map(len, train)) // len(train)
    if recipe.data.valid_music:
        valid = encoded("valid", recipe.data.valid_music)
        dealt.valid = dealt.batches.looks(valid, recipe.validation.pairs)
        dealt.tokens["valid"] = sum(map(len, valid))
    return dealt


def _read(recipe: Recipe, sources: Sequence[MusicSource], data: Path) -> Iterator[Performance]:
    """The performances that are asked for; files that give none are named on the log, or refused.

    Those of a whole source are handed on one by one; for a part of it all must be there first.
    """
    for source in sources:
        bad: list[BadPiece] = []
        on_bad = partial(_left_out, bad) if recipe.data.bad_music == "skip" else None
        found = performances_of(data / source.file, on_bad=on_bad)
        yield from found if source.part == (0.0, 1.0) else part_of(source, list(found))
        if bad:
            logger.warning("%s: %d files are left out", source.file, len(bad))


def _left_out(bad: list[BadPiece], piece: BadPiece) -> None:
    bad.append(piece)
    logger.warning("left out: %s", piece.reason)


def _encoded_chorales(
    recipe: Recipe, sources: Sequence[MusicSource], data: Path
) -> Iterator[NDArray[np.int64]]:
    """The ids of each; one that the model has no room for is refused, for it is dealt whole."""
    n_ctx = recipe.model.n_ctx
    for source in sources:
        for chorale, where in part_of(source, chorales_of(data / source.file, split=source.split)):
            ids = np.array(encode_chorale(chorale), np.int64)
            if len(ids) + 1 > n_ctx:
                raise DataError(
                    f"{where} has {len(ids):,} tokens and an end, the model {n_ctx:,} positions.",
                    f"Write model.n_ctx = {len(ids) + 1} or more: chorales are dealt whole.",
                )
            yield ids
