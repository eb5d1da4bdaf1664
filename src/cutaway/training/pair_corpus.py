"""The pairs of a run: read, encoded, and dealt to its steps."""

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from cutaway.data.pair_tokens import Fit, PairTokens, encode_pairs
from cutaway.data.pairs import BadPair, Pair, read_pairs
from cutaway.data.task import TaskFormat
from cutaway.models import TransformerConfig
from cutaway.tokenizers import Tokenizer
from cutaway.training.corpus import Dealt
from cutaway.training.objectives import causal_lm
from cutaway.training.pair_batches import PairBatches, Rows
from cutaway.training.parts import part_of
from cutaway.training.recipe import PairSource, Recipe
from cutaway.training.seq2seq import seq2seq

__all__ = ["PairFiles", "open_pairs"]

logger = logging.getLogger("cutaway.training")


class PairFiles:
    """The pairs that a recipe names, each file read once, when it is first asked for.

    Args:
        recipe: which files, and what becomes of bad lines.
        data: the folder that the recipe's paths are relative to.
    """

    def __init__(self, recipe: Recipe, data: Path) -> None:
        self.recipe, self._data = recipe, data
        self._taken: dict[PairSource, Sequence[Pair]] = {}

    def pairs(self, sources: Sequence[PairSource]) -> Iterator[Pair]:
        """The parts of files that are asked for, each in the order of its file.

        Raises:
            DataError: if a file cannot be read, or a line gives no pair and none may be left out.
        """
        for source in sources:
            if source not in self._taken:
                self._taken[source] = _taken(source, self.recipe, self._data)
            yield from self._taken[source]

    def texts(self) -> Iterator[str]:
        """Both sides of all pairs to learn from, for a vocabulary that they share.

        Labels are no text: each has a token of its own.
        """
        for pair in self.pairs(self.recipe.data.train_pairs):
            yield pair.source
            if not self.recipe.task.labels:
                yield pair.target


def open_pairs(files: PairFiles, format: TaskFormat, tokenizer: Tokenizer) -> Dealt:
    """The batches of a run that learns from pairs.

    Args:
        files: of the run, whose recipe says how they are dealt.
        format: of the task.
        tokenizer: of the run.

    Raises:
        DataError: if a file cannot be read, a line gives no pair, a pair is too long or has a label
            that is none of the task, or there is none.
        TokenizerError: if the vocabulary lacks the marker.
    """
    recipe = files.recipe
    two_sides = isinstance(recipe.model, TransformerConfig)
    rows = Rows(format, marker=format.marker_id(tokenizer), eot=tokenizer.eot, two_sides=two_sides)
    fit = Fit(n_ctx=recipe.model.n_ctx, one_row=not two_sides, too_long=recipe.task.too_long)

    def encoded(use: str, sources: Sequence[PairSource]) -> PairTokens:
        labels = format.label_ids(tokenizer) if format.labels else None
        found = encode_pairs(files.pairs(sources), tokenizer, fit, labels=labels)
        _tell(use, found)
        return found

    train = encoded("training", recipe.data.train_pairs)
    dealt = Dealt(PairBatches(recipe.training, train, rows, seed=recipe.seed))
    dealt.tokens["train"] = _n_tokens(train)
    dealt.context = _n_tokens(train) // len(train) // (2 if two_sides else 1)
    dealt.objective = seq2seq if two_sides else causal_lm
    if recipe.data.valid_pairs:
        valid = encoded("validation", recipe.data.valid_pairs)
        dealt.valid = dealt.batches.looks(valid, recipe.validation.pairs)
        dealt.tokens["valid"] = _n_tokens(valid)
        dealt.bytes_per_token = _bytes_per_target(valid, both=format.loss == "both")
    return dealt


def _taken(source: PairSource, recipe: Recipe, data: Path) -> Sequence[Pair]:
    """The part of a file's pairs that is asked for, in the order of the file."""
    bad: list[BadPair] = []

    def on_bad(found: BadPair) -> None:
        bad.append(found)
        logger.warning("left out: %s", found)

    target = data / source.target if source.target else None
    lenient = on_bad if recipe.data.bad_pairs == "skip" else None
    more: dict[str, Any] = {"fields": source.fields, "labels": bool(recipe.task.labels)}
    pairs = list(read_pairs(data / source.source, target, on_bad=lenient, **more))
    if bad:
        logger.warning("%s: %d lines gave no pair and are left out", source.source, len(bad))
    return part_of(source, pairs)


def _tell(use: str, pairs: PairTokens) -> None:
    logger.info("%s: %s pairs, %s tokens", use, f"{len(pairs):,}", f"{_n_tokens(pairs):,}")
    if pairs.n_cut:
        logger.info("%s: the ends of %s sources are cut off", use, f"{pairs.n_cut:,}")
    if pairs.dropped:
        first = ", ".join(pairs.dropped[:3]) + (", ..." if len(pairs.dropped) > 3 else "")
        logger.info("%s: %s pairs are too long and left out: %s", use, len(pairs.dropped), first)


def _n_tokens(pairs: PairTokens) -> int:
    return len(pairs.sources) + len(pairs.targets) + 2 * len(pairs)


def _bytes_per_target(pairs: PairTokens, *, both: bool) -> float:
    """Bytes of text for each target; end-of-text and marker are targets without any."""
    n_tokens = len(pairs.targets) + len(pairs) + both * len(pairs.sources)
    return (pairs.n_bytes[1] + both * pairs.n_bytes[0]) / n_tokens
