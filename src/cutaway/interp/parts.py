"""What the kinds of model differ in, for those who look: a block run again, the norms, the biases.

Looking asks the same questions of every model; here are those whose answer depends on its kind.
"""

from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cutaway.errors import ConfigError
from cutaway.interp.sites import block_names
from cutaway.models import GPT2, Decoder, Modern, MusicTransformer, TransformerDecoder
from cutaway.models.modern import ModernBlock
from cutaway.nn import Tap
from cutaway.nn.masks import CAUSAL
from cutaway.nn.norm import EPSILON, rms_norm

__all__ = [
    "bias_of",
    "can_be_followed",
    "epsilon_of",
    "final_gain",
    "final_scale",
    "has_no_mean",
    "names_in_block",
    "only_there",
    "poured_in",
    "run_block",
]

_NO_QKV, _NO_PLACES = "attn.qkv", "wpe"


def can_be_followed(model: Decoder) -> None:
    """Sees to it that every head of a model looks at tokens, all up to its own.

    Raises:
        ConfigError: for a Transformer-Decoder, whose heads look at blocks and at slots, and for a
            Music Transformer, whose scores are not of queries and keys alone.
    """
    if isinstance(model, MusicTransformer):
        raise ConfigError(
            "A run of a Music Transformer cannot be drawn: its scores have a term of the distance.",
            "Record what it computes with a tap: cutaway.interp.Recorder (docs/taps.md).",
        )
    if isinstance(model, TransformerDecoder):
        raise ConfigError(
            "A run of a Transformer-Decoder cannot be drawn: its heads look at blocks and slots.",
            "Record what it computes with a tap: cutaway.interp.Recorder (docs/taps.md).",
        )


def only_there(model: Decoder, name: str) -> None:
    """Sees to it that a site, as it is called inside of its block, is one of this model's.

    Raises:
        ConfigError: for what GPT-2 has and this model has not.
    """
    if name in (_NO_QKV, _NO_PLACES) and not isinstance(model, GPT2):
        instead = {
            _NO_QKV: "Queries, keys and values come of three matrices: look at q, k and v.",
            _NO_PLACES: "Positions turn queries and keys and are nowhere in the stream.",
        }
        raise ConfigError(f"This model has no {name}: it is no GPT-2.", instead[name])


def names_in_block(model: Decoder) -> list[str]:
    """Every site of a block of this model, as it is called after ``h.{i}.``."""
    names = block_names()
    return names if isinstance(model, GPT2) else [name for name in names if name != _NO_QKV]


def run_block(model: Decoder, layer: int, x: Float[Tensor, "T D"], *, tap: Tap) -> None:
    """Runs one block on the stream below it, from position 0 on."""
    if isinstance(model, Modern):
        positions = torch.arange(len(x), device=x.device)
        block = cast("ModernBlock", model.h[layer])
        block(x[None], turn=model.rotation(positions), mask=CAUSAL, cache=None, tap=tap)
    else:
        model.h[layer](x[None], mask=CAUSAL, cache=None, tap=tap)


def has_no_mean(model: Decoder) -> bool:
    """Whether the norms of a model leave the mean where it is."""
    return isinstance(model, Modern)


def epsilon_of(model: Decoder) -> float:
    """What the norms of a model add to the variance, or to the mean square."""
    return model.config.layer_norm_epsilon if isinstance(model, GPT2) else EPSILON


def final_scale(model: Decoder, stream: Float[Tensor, " D"]) -> float:
    """What the last norm divides this stream by."""
    x = stream.double()
    spread = x.square().mean() if has_no_mean(model) else x.var(correction=0)
    return float((spread + epsilon_of(model)).sqrt())


def final_gain(model: Decoder) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Gain and bias of the last norm, in float64; 1 and 0 where it has none."""
    if isinstance(model, GPT2):
        norm = cast("nn.LayerNorm", model.ln_f)
        return norm.weight.double(), norm.bias.double()
    one = model.wte.weight.new_ones(model.config.n_embd, dtype=torch.float64)
    return one, torch.zeros_like(one)


def bias_of(module: nn.Module) -> Float[Tensor, " n_out"]:
    """The bias of a linear map stored (in, out); zeros where it has none."""
    weight = cast("Tensor", module.weight)
    bias = cast("Tensor | None", getattr(module, "bias", None))
    return weight.new_zeros(weight.shape[1]) if bias is None else bias


def poured_in(model: Decoder, id: int, q: int) -> list[tuple[str, Float[Tensor, " D"]]]:
    """What begins the stream of token ``id`` at position ``q``, by the names of its sites."""
    token = model.wte.weight[id]
    if isinstance(model, GPT2):
        return [("wte", token), ("wpe", model.wpe.weight[q])]
    return [("wte", rms_norm(token))]
