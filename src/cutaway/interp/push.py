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
from cutaway.interp.runs import Run
from cutaway.models import GPT2

__all__ = ["Readout", "own_choice", "readout"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Readout:
    """Last layer norm and unembedding behind one position, with the norm's scale frozen.

    The sums are taken in float64 and given as float32, so that parts add up.

    Attributes:
        model: whose norm and embeddings they are.
        scale: what the norm divides by here, ``sqrt(variance + epsilon)`` of the final stream.
    """

    model: GPT2
    scale: float

    def push(self, parts: Float[Tensor, "*axes D"], *, id: int) -> Float[Tensor, "*axes"]:
        """What each addition gives to the logit of ``id``."""
        with torch.inference_mode():
            row = self.model.wte.weight[id].double() * self.model.ln_f.weight.double()
            direction = (row - row.mean()) / self.scale  # (D): taking the mean off is linear
            return (parts.double() @ direction).float()

    def constant(self, *, id: int) -> float:
        """What the bias of the norm gives to the logit of ``id``, whatever the stream is."""
        with torch.inference_mode():
            return float(self.model.wte.weight[id].double() @ self.model.ln_f.bias.double())

    def pushes(self, parts: Float[Tensor, "N D"]) -> Float[Tensor, "N V"]:
        """What each addition gives to the logit of every token; a row of V for each part."""
        with torch.inference_mode():
            x = parts.double()
            x = (x - x.mean(-1, keepdim=True)) / self.scale * self.model.ln_f.weight.double()
            weight = self.model.wte.weight
            return self.model.unembed(x.to(weight.dtype)).float()


def readout(run: Run, *, q: int) -> Readout:
    """The readout behind position ``q``.

    Raises:
        ConfigError: for a position that is not there.
    """
    check_index("q", q, len(run.ids))
    stream = run.stream(run.model.config.n_layer)[q].double()
    variance = stream.var(correction=0) + run.model.config.layer_norm_epsilon
    return Readout(model=run.model, scale=float(variance.sqrt()))


def own_choice(run: Run, *, q: int, id: int | None = None, n_vocab: int | None = None) -> int:
    """``id`` if there is one, else the likeliest token behind position ``q``.

    Raises:
        ConfigError: for a token or a position that is not there.
    """
    check_index("q", q, len(run.ids))
    if id is not None:
        return check_index("id", id, run.model.config.vocab_size)
    return int(run.logits(q)[: check_vocab(n_vocab, run.model.config.vocab_size)].argmax())
