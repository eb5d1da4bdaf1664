"""Finding heads: which of them look from here to there, and which have a known habit.

The habits are those by which the field names heads: previous-token heads and induction heads
(Elhage et al. 2021; Olsson et al. 2022, "In-context Learning and Induction Heads", whose prefix
matching score this is, taken on the text at hand), duplicate-token heads (Wang et al. 2022), and
heads that rest on the first token (Xiao et al. 2023, "attention sinks").
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.interp.bounds import check_index
from cutaway.interp.runs import Run

__all__ = ["HeadScores", "head_rows", "head_scores", "head_weights"]

_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadScores:
    """How strongly each head of each layer has a habit: mean attention weights, 0 to 1.

    None stands for a habit that no position of the text can show.

    Attributes:
        previous: on the token before; mean over all positions but the first.
        first: on the first token; mean over the same.
        duplicate: on earlier copies of the token itself; mean over the positions that have one.
        induction: on the tokens behind earlier copies of the token, which is where to look up how
            the text went on last time; mean over the positions that have one. The token itself
            does not count where it stands right behind its copy.
        n_positions: over which ``previous`` and ``first`` are means.
        n_duplicate: over which ``duplicate`` is one.
        n_induction: over which ``induction`` is one.
    """

    previous: Float[Tensor, "L H"] | None
    first: Float[Tensor, "L H"] | None
    duplicate: Float[Tensor, "L H"] | None
    induction: Float[Tensor, "L H"] | None
    n_positions: int
    n_duplicate: int
    n_induction: int


@torch.inference_mode()
def head_rows(run: Run, *, q: int) -> Float[Tensor, "L H S"]:
    """What every head looks at from position ``q``: each row sums to 1.

    Raises:
        ConfigError: for a position that is not there.
    """
    check_index("q", q, len(run.ids))
    config, row = run.model.config, slice(q, q + 1)
    rows = [run.pattern(i, h, row)[0] for i in range(config.n_layer) for h in range(config.n_head)]
    return torch.stack(rows).unflatten(0, (config.n_layer, config.n_head))


def head_weights(run: Run, *, q: int, k: int) -> Float[Tensor, "L H"]:
    """How much every head looks from position ``q`` to position ``k``, 0 to 1.

    Raises:
        ConfigError: for a position that is not there.
    """
    check_index("k", k, len(run.ids))
    return head_rows(run, q=q)[..., k]


@torch.inference_mode()
def head_scores(run: Run) -> HeadScores:
    """Scores every head for the known habits, on the text of this run.

    A part of one pattern is held at a time, small enough for the processor's cache.
    """
    config, n = run.model.config, len(run.ids)
    duplicate, induction = _copies(run.ids)
    n_duplicate, n_induction = (int(mask.any(-1).sum()) for mask in (duplicate, induction))
    parts = [_Part.of(start, duplicate, induction) for start in range(0, n, _ROWS)]
    scores = torch.zeros(4, config.n_layer, config.n_head)
    for layer in range(config.n_layer):
        for head in range(config.n_head):
            for part in parts:
                pattern = run.pattern(layer, head, part.rows).float().cpu()
                scores[:, layer, head] += part.sums(pattern)
    counts = (n - 1, n - 1, n_duplicate, n_induction)
    means = [total / n if n else None for total, n in zip(scores, counts, strict=True)]
    return HeadScores(
        previous=means[0],
        first=means[1],
        duplicate=means[2],
        induction=means[3],
        n_positions=n - 1,
        n_duplicate=n_duplicate,
        n_induction=n_induction,
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """Some rows of a pattern, and where in them the habits show, as places of the flat part."""

    rows: slice
    habits: tuple[Tensor, ...]  # previous, first, duplicate, induction

    @classmethod
    def of(cls, start: int, duplicate: Tensor, induction: Tensor) -> "_Part":
        n = len(duplicate)
        rows = slice(start, min(n, start + _ROWS))
        queries, keys = torch.arange(rows.start, rows.stop)[:, None], torch.arange(n)
        cells = (
            keys == queries - 1,
            (keys == 0) & (queries > 0),
            duplicate[rows],
            induction[rows],
        )
        return cls(rows, tuple(one.flatten().nonzero()[:, 0] for one in cells))

    def sums(self, pattern: Float[Tensor, "T S"]) -> Float[Tensor, " 4"]:
        flat = pattern.flatten()
        return torch.stack([flat[places].sum() for places in self.habits])


def _copies(ids: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Where earlier copies of each token are, and what stands behind them: (T, T), boolean."""
    tokens = torch.tensor(ids)
    duplicate = (tokens[:, None] == tokens).tril(-1)
    induction = torch.zeros_like(duplicate)
    induction[:, 1:] = duplicate[:, :-1]
    return duplicate, induction.tril(-1)
