"""The embedding matrix as a space: which tokens lie near each other, and a map of all.

Nothing here looks into a run; the matrix is the model's alone, and it is also its last layer.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from cutaway.interp.bounds import check_count, check_index, check_vocab
from cutaway.models import Decoder

__all__ = ["EmbeddingMap", "Neighbours", "embedding_map", "nearest_tokens"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Neighbours:
    """The tokens nearest to one token, nearest first.

    Attributes:
        id: the token.
        ids: its neighbours, itself not among them; equal ones in order of their id.
        cosine: of the angle between the embeddings, -1 to 1; 0 where one has no length.
        norms: Euclidean lengths of the neighbours' embeddings.
        norm: of the token's own.
    """

    id: int
    ids: Int[Tensor, " N"]
    cosine: Float[Tensor, " N"]
    norms: Float[Tensor, " N"]
    norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddingMap:
    """All token embeddings on their first principal components (Pearson 1901).

    Attributes:
        points: coordinates of every token. A component may be mirrored at will; here its largest
            entry is positive, so that the map is the same every time.
        explained: the share of the variance of all embeddings along each axis, 0 to 1.
    """

    points: Float[Tensor, "V N"]
    explained: Float[Tensor, " N"]


@torch.inference_mode()
def nearest_tokens(
    model: Decoder, *, id: int, k: int = 12, n_vocab: int | None = None
) -> Neighbours:
    """Finds the tokens whose embeddings point the same way as that of ``id``.

    Args:
        model: whose embeddings are compared.
        id: the token.
        k: neighbours; at most all others.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: for a token or a number that is not there.
    """
    weight = _tokens(model, n_vocab)
    check_index("id", id, len(weight))
    check_count("k", k, len(weight) - 1)
    cosine = F.cosine_similarity(weight, weight[id : id + 1], dim=-1)
    order = cosine.argsort(descending=True, stable=True)
    ids = order[order != id][:k]
    return Neighbours(
        id=id,
        ids=ids,
        cosine=cosine[ids],
        norms=weight[ids].norm(dim=-1),
        norm=float(weight[id].norm()),
    )


@torch.inference_mode()
def embedding_map(model: Decoder, *, n_axes: int = 2, n_vocab: int | None = None) -> EmbeddingMap:
    """Draws all token embeddings on their principal components, found in float64.

    Args:
        model: whose embeddings are drawn.
        n_axes: components.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: for a number that is not there.
    """
    weight = _tokens(model, n_vocab)
    check_count("n_axes", n_axes, weight.shape[1])
    mean = weight.double().mean(0)
    covariance = torch.zeros(2 * weight.shape[1:], dtype=torch.float64, device=weight.device)
    for part in weight.split(8192):
        centred = part.double() - mean
        covariance += centred.T @ centred
    values, vectors = torch.linalg.eigh(covariance)  # rising
    axes = vectors.flip(-1)[:, :n_axes]  # (D, N)
    largest = axes.gather(0, axes.abs().argmax(0, keepdim=True))
    axes = axes * torch.where(largest < 0, -1.0, 1.0)
    total = values.clamp(min=0).sum()
    explained = values.flip(-1)[:n_axes].clamp(min=0) / total.clamp(min=1e-300)
    points = (weight.double() - mean) @ axes
    return EmbeddingMap(points=points.float(), explained=explained.float())


def _tokens(model: Decoder, n_vocab: int | None) -> Tensor:
    """The embeddings that have a token (V, D), in float32."""
    return model.wte.weight[: check_vocab(n_vocab, model.config.vocab_size)].float()
