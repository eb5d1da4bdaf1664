"""How hard something added to the residual stream pushes the score of a token.

Direct logit attribution (Elhage et al. 2021, "A Mathematical Framework for Transformer
Circuits"): the last layer norm divides by the standard deviation of the whole stream. With that
number *frozen at its actual value*, norm and unembedding together are one affine map of the
stream. Then the pushes of all that was ever added to the stream, and one constant, sum to the
logit exactly. What a push is not: the change of the logit if the part were missing, since without
it the scale and every later layer would be others. Switch the part off in a run of its own to see
that.
"""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.interp.bounds import check_index, check_vocab
from cutaway.interp.parts import final_gain, final_scale, has_no_mean
from cutaway.interp.runs import Run
from cutaway.models import Decoder

__all__ = ["Readout", "own_choice", "readout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """Last layer norm and unembedding behind one position, with the norm's scale frozen.

    The sums are taken in float64 and given as float32, so that parts add up.

    Attributes:
        model: whose norm and embeddings they are.
        scale: what the norm divides by here, ``sqrt(variance + epsilon)`` of the final stream; of
            a modern decoder the root of its mean square.
    """

    model: Decoder
    scale: float

    def push(self, parts: Float[Tensor, "*axes D"], *, id: int) -> Float[Tensor, "*axes"]:
        """What each addition gives to the logit of ``id``."""
        with torch.inference_mode():
            row = self.model.head[id].double() * final_gain(self.model)[0]
            direction = self._without_mean(row) / self.scale  # (D): taking the mean off is linear
            return (parts.double() @ direction).float()

    def constant(self, *, id: int) -> float:
        """What the bias of the norm gives to the logit of ``id``, whatever the stream is."""
        with torch.inference_mode():
            return float(self.model.head[id].double() @ final_gain(self.model)[1])

    def pushes(self, parts: Float[Tensor, "N D"]) -> Float[Tensor, "N V"]:
        """What each addition gives to the logit of every token; a row of V for each part."""
        with torch.inference_mode():
            x = self._without_mean(parts.double()) / self.scale * final_gain(self.model)[0]
            return self.model.unembed(x.to(self.model.head.dtype)).float()

    def _without_mean(self, x: Tensor) -> Tensor:
        return x if has_no_mean(self.model) else x - x.mean(-1, keepdim=True)


def readout(run: Run, *, q: int) -> Readout:
    """The readout behind position ``q``.

    Raises:
        ConfigError: for a position that is not there.
    """
    check_index("q", q, len(run.ids))
    stream = run.stream(run.model.config.n_layer)[q]
    return Readout(model=run.model, scale=final_scale(run.model, stream))


def own_choice(run: Run, *, q: int, id: int | None = None, n_vocab: int | None = None) -> int:
    """``id`` if there is one, else the likeliest token behind position ``q``.

    Raises:
        ConfigError: for a token or a position that is not there.
    """
    check_index("q", q, len(run.ids))
    if id is not None:
        return check_index("id", id, run.model.config.vocab_size)
    return int(run.logits(q)[: check_vocab(n_vocab, run.model.config.vocab_size)].argmax())
