"""Two runs side by side: where their texts meet, how far their next words are apart, what changed.

The runs may be two models on one text, one model on two texts, or a model with and without edits.
Numbers are taken where the texts meet: at tokens that both have, in the same order. Two models of
different vocabularies cut a text differently and have no common probabilities of next tokens; of
them only the surprise at the same bytes is compared.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate, pairwise
from typing import NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.errors import ConfigError
from cutaway.interp.bounds import check_index, check_vocab
from cutaway.interp.runs import Run
from cutaway.models.gpt2 import Block

__all__ = [
    "HeadChanges",
    "Piece",
    "added_distance",
    "divergence",
    "head_changes",
    "head_distance",
    "meet_in_bytes",
    "meet_in_tokens",
]

_BLOCK = 64  # positions whose logits of both models are held at once


class Piece(NamedTuple):
    """Tokens ``a[0]:a[1]`` of the one run and ``b[0]:b[1]`` of the other, which write the same."""

    a: tuple[int, int]
    b: tuple[int, int]

    @property
    def ends(self) -> tuple[int, int]:
        """The last token of each."""
        return self.a[1] - 1, self.b[1] - 1


def meet_in_tokens(a: Sequence[int], b: Sequence[int]) -> list[Piece]:
    """The tokens that two texts of one vocabulary share, in the order of both.

    >>> [piece.ends for piece in meet_in_tokens([7, 1, 2, 3], [8, 9, 1, 2, 3])]
    [(1, 2), (2, 3), (3, 4)]
    """
    blocks = SequenceMatcher(None, list(a), list(b), autojunk=False).get_matching_blocks()
    return [
        Piece((i + n, i + n + 1), (j + n, j + n + 1)) for i, j, size in blocks for n in range(size)
    ]


def meet_in_bytes(a: Sequence[bytes], b: Sequence[bytes]) -> list[Piece]:
    """The smallest pieces of the common beginning of two texts that end with a token in both.

    >>> meet_in_bytes([b"in", b"g"], [b"i", b"n", b"g"])
    [Piece(a=(0, 1), b=(0, 2)), Piece(a=(1, 2), b=(2, 3))]
    """
    ends_a, ends_b = (list(accumulate(map(len, tokens))) for tokens in (a, b))
    same = _common(b"".join(a), b"".join(b))
    places_a, places_b = ({end: n + 1 for n, end in enumerate(ends)} for ends in (ends_a, ends_b))
    cuts = [end for end in sorted(places_a.keys() & places_b.keys()) if 0 < end <= same]
    return [
        Piece((places_a.get(p, 0), places_a[end]), (places_b.get(p, 0), places_b[end]))
        for p, end in pairwise([0, *cuts])
    ]


def _common(a: bytes, b: bytes) -> int:
    """How many first bytes are the same."""
    n = min(len(a), len(b))
    return next((i for i in range(n) if a[i] != b[i]), n)


@torch.inference_mode()
def divergence(
    a: Run, b: Run, places: Sequence[tuple[int, int]], *, n_vocab: int | None = None
) -> Float[Tensor, " N"]:
    """Kullback-Leibler divergence of the next words, behind each pair of positions, in nats.

    ``Σ p (ln p - ln r)`` over the vocabulary, with ``p`` the probabilities of ``a`` and ``r`` those
    of ``b``: how much more surprised, on average, ``b`` would be by words that ``a`` draws. The
    logits are those of the runs; softmax and sum are taken in float64.

    Args:
        a: the run whose words are drawn.
        b: another of the same vocabulary.
        places: a position of each.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: for a position that is not there, or vocabularies of two sizes.
    """
    n_vocab = check_vocab(n_vocab, min(a.model.config.vocab_size, b.model.config.vocab_size))
    found = torch.empty(len(places), dtype=torch.float64)
    for start in range(0, len(places), _BLOCK):
        part = places[start : start + _BLOCK]
        p = _log_probs(a, [i for i, _ in part], n_vocab)
        r = _log_probs(b, [j for _, j in part], n_vocab)
        found[start : start + len(part)] = (p.exp() * (p - r)).sum(-1).cpu()
    return found.clamp_min_(0.0)  # rounding of equal ones


def _log_probs(run: Run, positions: list[int], n_vocab: int) -> Float[Tensor, "N V"]:
    for q in positions:
        check_index("q", q, len(run.ids))
    scores = run.model.unembed(run.final()[positions])[:, :n_vocab]
    return scores.double().log_softmax(-1)


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadChanges:
    """How much each head of two runs differs, 0 to 1.

    Attributes:
        pattern: :func:`head_distance`, as a mean over the positions where the texts meet.
        output: :func:`added_distance`; None where the streams have different widths.
    """

    pattern: Float[Tensor, "L H"]
    output: Float[Tensor, "L H"] | None


@torch.inference_mode()
def head_changes(a: Run, b: Run, places: Sequence[tuple[int, int]]) -> HeadChanges:
    """Compares head by head two runs of models with equally many layers and heads.

    Raises:
        ConfigError: if they have not, or if the texts meet nowhere.
    """
    config, other = a.model.config, b.model.config
    if (config.n_layer, config.n_head) != (other.n_layer, other.n_head):
        raise ConfigError(
            f"One model has {config.n_layer} x {config.n_head} heads, the other "
            f"{other.n_layer} x {other.n_head}.",
            "Heads are compared between models of equally many layers and heads.",
        )
    if not places:
        raise ConfigError(
            "The two texts have no token in common.", "Compare texts that share some."
        )
    layers, heads = range(config.n_layer), range(config.n_head)
    pattern = [
        [float(head_distance(a, b, places, layer=i, head=h).mean()) for h in heads] for i in layers
    ]
    output = None
    if config.n_embd == other.n_embd:
        output = torch.tensor(
            [[added_distance(a, b, places, layer=i, head=h)[0] for h in heads] for i in layers]
        )
    return HeadChanges(pattern=torch.tensor(pattern), output=output)


@torch.inference_mode()
def head_distance(
    a: Run, b: Run, places: Sequence[tuple[int, int]], *, layer: int, head: int
) -> Float[Tensor, " N"]:
    """How far a head's attention is from itself in the other run, for each pair of positions.

    The total variation distance of two rows of weights, ``½ Σ |a - b|``: the share of attention
    that lies elsewhere, 0 to 1. Keys that only one text has count as one.
    """
    rows, others = ([pair[side] for pair in places] for side in (0, 1))
    whole_a, whole_b = a.pattern(layer, head)[rows], b.pattern(layer, head)[others]
    shared_a, shared_b = whole_a[:, rows].double(), whole_b[:, others].double()
    apart = (shared_a - shared_b).abs().sum(-1)
    elsewhere = [
        whole.double().sum(-1) - shared.sum(-1)
        for whole, shared in ((whole_a, shared_a), (whole_b, shared_b))
    ]
    return 0.5 * (apart + (elsewhere[0] - elsewhere[1]).abs())


@torch.inference_mode()
def added_distance(
    a: Run, b: Run, places: Sequence[tuple[int, int]], *, layer: int, head: int
) -> tuple[float, float, float, float]:
    """How far what a head adds to the stream is from what it adds in the other run.

    With ``x`` and ``y`` all that it adds at the places where the texts meet (its output times its
    rows of ``c_proj``): ``|x - y| / (|x| + |y|)``, 0 where nothing changed, 1 where they point
    opposite ways or one of them is nothing.

    Returns:
        The distance, ``|x - y|``, ``|x|`` and ``|y|``.
    """
    x = _added(a, layer, head)[[i for i, _ in places]]
    y = _added(b, layer, head)[[j for _, j in places]]
    apart, longs = float((x - y).norm()), (float(x.norm()), float(y.norm()))
    return (apart / sum(longs) if sum(longs) else 0.0), apart, *longs


def _added(run: Run, layer: int, head: int) -> Float[Tensor, "T D"]:
    """What a head adds to the stream, in float64."""
    config = run.model.config
    project = cast("Block", run.model.h[layer]).attn.c_proj
    first = check_index("head", head, config.n_head) * config.head_dim
    rows = project.weight[first : first + config.head_dim]
    return (run.block(layer)["attn.z"][head].float() @ rows.float()).double()
