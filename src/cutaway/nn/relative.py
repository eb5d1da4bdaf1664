"""Scores that know how far a key is behind its query.

Huang et al. 2019, "Music Transformer", section 3.4: beside what a key says, a score has a term of
the distance, ``q . E[r]``, from one learned vector for each head and distance. Shaw et al. 2018
gather such a vector for every pair, ``(T, S, K)`` numbers; section 3.4.1 multiplies the queries
with the vectors once and moves the rows of the product, :func:`skew`, so that no more than the
vectors themselves, ``(R, K)``, and the scores are in memory.

Distances beyond the last vector's take that vector (Shaw et al., section 3.2, "clipping"): a text
may be longer than what there are vectors for.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

__all__ = ["Relative", "gathered_scores", "relative_scores", "skew"]


class Relative(NamedTuple):
    """What :func:`cutaway.nn.attend` needs to know about distances.

    Attributes:
        embeddings: ``(H, R, K)``, in the order of the paper: row ``R - 1 - d`` is for keys that are
            ``d`` positions before the query.
        places: where the queries stand among the keys, ``(T)``, or ``(B, T)`` where rows differ;
            None: they are the last ones.
    """

    embeddings: Float[Tensor, "H R K"]
    places: Int[Tensor, "*B T"] | None = None


def relative_scores(
    q: Float[Tensor, "B H T K"], relative: Relative, n_keys: int
) -> Float[Tensor, "B H T S"]:
    """The term of the distance for every query and key; 0 for a key behind its query.

    To be added to ``q k^T``, and divided by the square root of K with it.

    Args:
        q: queries.
        relative: the vectors, and where the queries are.
        n_keys: S, at least as many as queries.

    >>> embeddings = torch.tensor([[[5.0], [3.0], [1.0]]])  # for distances 2, 1 and 0
    >>> relative_scores(torch.ones(1, 1, 3, 1), Relative(embeddings), 3)[0, 0].int().tolist()
    [[1, 0, 0], [3, 1, 0], [5, 3, 1]]
    """
    if relative.places is not None:
        return _scores_at(q, relative.embeddings, relative.places, n_keys)
    by_distance = _by_distance(q, relative.embeddings, n_keys)
    if q.shape[2] == 1:
        return by_distance  # with a cache, there is nothing to move
    return skew(by_distance).tril(n_keys - q.shape[2])


def skew(x: Float[Tensor, "B H T S"]) -> Float[Tensor, "B H T S"]:
    """Moves row ``t`` of ``T`` to the left by ``T - 1 - t`` (section 3.4.1, figure 1).

    What went from the farthest distance to 0 in every row then lies by keys, for queries that are
    the last of these. Behind a query's own key are numbers of other rows.

    >>> skew(torch.tensor([[[[2, 1, 0], [2, 1, 0], [2, 1, 0]]]]))[0, 0].tril().tolist()
    [[0, 0, 0], [1, 0, 0], [2, 1, 0]]
    """
    B, H, T, S = x.shape
    padded = F.pad(x, (1, 0))  # (T, S + 1), of which the same numbers are read as (S + 1, T)
    return padded.view(B, H, S + 1, T)[:, :, 1:].reshape(B, H, T, S)


def gathered_scores(
    q: Float[Tensor, "B H T K"], relative: Relative, n_keys: int
) -> Float[Tensor, "B H T S"]:
    """The same as :func:`relative_scores` as Shaw et al. 2018 have it: a vector for every pair.

    For tests, and to be read.
    """
    embeddings, T = relative.embeddings, q.shape[2]
    places = relative.places
    if places is None:
        places = torch.arange(n_keys - T, n_keys, device=q.device)
    distances = places[..., None] - torch.arange(n_keys, device=q.device)  # (T, S) or (B, T, S)
    rows = _rows(distances, embeddings.shape[1])
    pairs = embeddings[:, rows]  # (H, T, S, K) or (H, B, T, S, K)
    form = "bhtk,htsk->bhts" if places.ndim == 1 else "bhtk,hbtsk->bhts"
    scores = torch.einsum(form, q, pairs)
    return scores.masked_fill(_by_head(distances) < 0, 0.0)


def _by_distance(q: Tensor, embeddings: Tensor, n: int) -> Float[Tensor, "B H T N"]:
    """Products of every query with the vectors of the distances ``n - 1`` to 0."""
    R = embeddings.shape[1]
    near = q @ embeddings[:, max(R - n, 0) :].mT
    if n <= R:
        return near
    return torch.cat([near[..., :1].expand(-1, -1, -1, n - R), near], dim=-1)


def _scores_at(q: Tensor, embeddings: Tensor, places: Tensor, n_keys: int) -> Tensor:
    """For queries that stand anywhere: of the products with all vectors those that are asked."""
    distances = places[..., None] - torch.arange(n_keys, device=q.device)
    rows = _by_head(_rows(distances, embeddings.shape[1]))
    products = q @ embeddings.mT  # (B, H, T, R)
    scores = products.gather(-1, rows.expand(*products.shape[:3], n_keys))
    return scores.masked_fill(_by_head(distances) < 0, 0.0)


def _rows(distances: Tensor, R: int) -> Tensor:
    """The row of each distance's vector; of those that have none, some row."""
    return (R - 1 - distances).clamp(0, R - 1)


def _by_head(x: Tensor) -> Tensor:
    """``(T, S)`` or ``(B, T, S)``, to be held against ``(B, H, T, S)``."""
    return x if x.ndim == 2 else x[:, None]
