"""Pairs as tokens, in memory: both sides of all pairs end to end, and where each begins."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from cutaway.data.labels import unknown_label
from cutaway.data.pairs import Pair
from cutaway.errors import DataError
from cutaway.tokenizers import Tokenizer

__all__ = ["Fit", "PairTokens", "TooLong", "encode_pairs"]

TooLong = Literal["refuse", "cut", "drop"]

_AT_ONCE = 2_000  # pairs that are encoded together


@dataclass(frozen=True, slots=True, kw_only=True)
class Fit:
    """Which pairs a model has room for, and what becomes of the others.

    Attributes:
        n_ctx: positions of the model.
        one_row: whether source, marker and target share a row, as in a decoder; an encoder and a
            decoder have ``n_ctx`` positions each.
        too_long: ``refuse`` ends the reading with the pair's place, ``cut`` takes the end of the
            source away (never of the target, whose end is to be learned), ``drop`` leaves the pair
            out.
    """

    n_ctx: int
    one_row: bool = True
    too_long: TooLong = "refuse"

    def room(self, n_target: int) -> int:
        """Tokens that the source may have beside a target of so many."""
        return self.n_ctx - 1 - (n_target if self.one_row else 0)


@dataclass(frozen=True, slots=True)
class PairTokens:
    """Both sides of pairs as ids, without marker and end-of-text.

    Attributes:
        sources: ids of all sources, end to end.
        source_bounds: ``(N + 1)`` places: source ``i`` is from the ``i``-th to the next.
        targets: ids of all targets.
        target_bounds: as ``source_bounds``.
        n_bytes: of sources and of targets as UTF-8.
        n_cut: pairs whose source was cut.
        dropped: where the pairs were that were left out as too long.
    """

    sources: NDArray[np.int32]
    source_bounds: NDArray[np.int64]
    targets: NDArray[np.int32]
    target_bounds: NDArray[np.int64]
    n_bytes: tuple[int, int] = (0, 0)
    n_cut: int = 0
    dropped: Sequence[str] = field(default_factory=list[str])

    def __len__(self) -> int:
        return len(self.source_bounds) - 1

    def source(self, i: int) -> NDArray[np.int32]:
        """The ids of a source."""
        return self.sources[self.source_bounds[i] : self.source_bounds[i + 1]]

    def target(self, i: int) -> NDArray[np.int32]:
        """The ids of a target."""
        return self.targets[self.target_bounds[i] : self.target_bounds[i + 1]]

    @property
    def lengths(self) -> NDArray[np.int64]:
        """Tokens of each pair, both sides together."""
        return np.diff(self.source_bounds) + np.diff(self.target_bounds)


def encode_pairs(
    pairs: Iterable[Pair],
    tokenizer: Tokenizer,
    fit: Fit,
    *,
    labels: Mapping[str, int] | None = None,
) -> PairTokens:
    """Encodes pairs, and sees to it that each has room in a model.

    Args:
        pairs: to encode.
        tokenizer: for both sides.
        fit: what is too long, and what becomes of it.
        labels: the token of each, where targets are labels.

    Raises:
        DataError: if there is no pair at all; if one is too long and may be neither cut nor left
            out, or its target alone is: with its file, line and lengths; or if a target is none of
            the labels.
    """
    sources, targets = list[NDArray[Any]](), list[NDArray[Any]]()
    n_bytes, n_cut, dropped = [0, 0], 0, list[str]()
    for pair, source, target in _encoded(iter(pairs), tokenizer, labels):
        room = fit.room(len(target))
        if len(source) > room:
            if fit.too_long == "drop":
                dropped.append(pair.where)
                continue
            if fit.too_long == "refuse" or room < 1:
                raise _too_long(pair, len(source), len(target), fit)
            source, n_cut = source[:room], n_cut + 1
        if not fit.one_row and len(target) >= fit.n_ctx:
            if fit.too_long == "drop":
                dropped.append(pair.where)
                continue
            raise _too_long(pair, len(source), len(target), fit)
        sources.append(np.array(source, np.int32))
        targets.append(np.array(target, np.int32))
        n_bytes[0] += len(pair.source.encode())
        n_bytes[1] += len(pair.target.encode())
    if not sources:
        more = f": all {len(dropped):,} are too long" if dropped else ""
        raise DataError(f"There are no pairs{more}.", "Give one that the model has room for.")
    return PairTokens(
        np.concatenate(sources),
        _bounds(sources),
        np.concatenate(targets),
        _bounds(targets),
        (n_bytes[0], n_bytes[1]),
        n_cut,
        dropped,
    )


def _encoded(
    pairs: Iterator[Pair], tokenizer: Tokenizer, labels: Mapping[str, int] | None
) -> Iterator[tuple[Pair, list[int], list[int]]]:
    while some := list(islice(pairs, _AT_ONCE)):
        sources = tokenizer.encode_batch([pair.source for pair in some])
        if labels is None:
            targets = tokenizer.encode_batch([pair.target for pair in some])
        else:
            targets = [[_label(pair, labels)] for pair in some]
        yield from zip(some, sources, targets, strict=True)


def _label(pair: Pair, labels: Mapping[str, int]) -> int:
    if pair.target not in labels:
        raise unknown_label(pair.target, labels, where=pair.where)
    return labels[pair.target]


def _bounds(rows: Sequence[NDArray[Any]]) -> NDArray[np.int64]:
    return np.fromiter(accumulate(map(len, rows), initial=0), np.int64, len(rows) + 1)


def _too_long(pair: Pair, n_source: int, n_target: int, fit: Fit) -> DataError:
    place = f"{pair.where}: the" if pair.where else "A"
    if fit.one_row:
        what = f"pair has {n_source:,} and {n_target:,} tokens and a marker, the model"
    else:
        what = f"pair has {n_source:,} and {n_target:,} tokens, each side of the model"
    cut = 'task.too_long = "cut" takes the end of sources away; '
    hint = f'{"" if fit.too_long == "cut" else cut}task.too_long = "drop" leaves such pairs out.'
    return DataError(f"{place} {what} {fit.n_ctx:,} positions.", hint)
