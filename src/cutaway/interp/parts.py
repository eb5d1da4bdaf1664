"""What the kinds of model differ in, for those who look: a block run again, the norms, the biases.

Looking asks the same questions of every model; here are those whose answer depends on its kind.
"""

from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cutaway.errors import ConfigError
from cutaway.interp.sites import block_names
from cutaway.models import (
    GPT2,
    Decoder,
    EncoderDecoder,
    Modern,
    MusicTransformer,
    TransformerDecoder,
)
from cutaway.models.modern import ModernBlock
from cutaway.models.music_transformer import MusicBlock
from cutaway.nn import Tap
from cutaway.nn.masks import CAUSAL
from cutaway.nn.norm import EPSILON, rms_norm
from cutaway.nn.relative import Relative

__all__ = [
    "bias_of",
    "can_be_followed",
    "distances_of",
    "embedded",
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
_RECORD = "Record what it computes with a tap: cutaway.interp.Recorder (docs/taps.md)."


def can_be_followed(model: Decoder) -> None:
    """Sees to it that every head of a model looks at tokens, all up to its own.

    Raises:
        ConfigError: for a Transformer-Decoder, whose heads look at blocks and at slots; for a Music
            Transformer with a window; and for an encoder-decoder, which reads two texts.
    """
    if isinstance(model, EncoderDecoder):
        raise ConfigError(
            "A run of an encoder-decoder cannot be drawn: it reads two texts, and this is for one.",
            f"See what its words look at with `cutaway translate --alignment`. {_RECORD}",
        )
    if isinstance(model, MusicTransformer) and model.config.window:
        raise ConfigError(
            "A run of this Music Transformer cannot be drawn: its heads look at blocks.", _RECORD
        )
    if isinstance(model, TransformerDecoder):
        raise ConfigError(
            "A run of a Transformer-Decoder cannot be drawn: its heads look at blocks and slots.",
            _RECORD,
        )


def only_there(model: Decoder, name: str) -> None:
    """Sees to it that a site, as it is called inside of its block, is one of this model's.

    Raises:
        ConfigError: for what GPT-2 has and this model has not.
    """
    absent = {_NO_QKV} if isinstance(model, MusicTransformer) else {_NO_QKV, _NO_PLACES}
    if name in absent and not isinstance(model, GPT2):
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
    return getattr(model.config, "layer_norm_epsilon", EPSILON)


def final_scale(model: Decoder, stream: Float[Tensor, " D"]) -> float:
    """What the last norm divides this stream by."""
    x = stream.double()
    spread = x.square().mean() if has_no_mean(model) else x.var(correction=0)
    return float((spread + epsilon_of(model)).sqrt())


def final_gain(model: Decoder) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Gain and bias of the last norm, in float64; 1 and 0 where it has none."""
    if not has_no_mean(model):
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
    token = embedded(model, "wte", [id])[0]
    if isinstance(model, GPT2 | MusicTransformer):
        return [("wte", token), ("wpe", embedded(model, "wpe", [q])[0])]
    return [("wte", rms_norm(token))]


def embedded(model: Decoder, site: str, rows: Sequence[int]) -> Float[Tensor, "N D"]:
    """What passes the sites ``wte`` and ``wpe``, for these tokens or positions."""
    at = torch.tensor(list(rows), device=model.wte.weight.device)
    if isinstance(model, MusicTransformer):
        return model.token(at) if site == "wte" else model.places(at)
    return cast("nn.Embedding", getattr(model, site)).weight[at]


def distances_of(
    model: Decoder, layer: int, head: int, queries: range, *, n: int
) -> Relative | None:
    """What the scores of a head have of distances, for some queries of ``n`` tokens."""
    if not isinstance(model, MusicTransformer):
        return None
    known = cast("MusicBlock", model.h[layer]).attn.relative
    if known is None:
        return None
    places = None if queries == range(n) else torch.tensor(queries, device=known.device)
    return Relative(known[head : head + 1], places)
