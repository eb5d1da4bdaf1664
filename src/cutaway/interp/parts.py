"""What the kinds of model differ in, for those who look: a block run again, the norms, the biases.

Looking asks the same questions of every model; here are those whose answer depends on its kind.
"""

import math
from collections.abc import Sequence
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor, nn

from cutaway.errors import ConfigError
from cutaway.interp.sites import block_names
from cutaway.models import GPT2, Decoder, Modern, MusicTransformer, TransformerDecoder
from cutaway.models.modern import ModernBlock
from cutaway.models.music_transformer import MusicBlock
from cutaway.nn import Tap
from cutaway.nn.masks import CAUSAL
from cutaway.nn.norm import EPSILON, rms_norm
from cutaway.nn.relative import Relative
from cutaway.nn.sinusoids import sinusoids

__all__ = [
    "bias_of",
    "can_be_followed",
    "epsilon_of",
    "final_gain",
    "final_scale",
    "has_no_mean",
    "knows_no_distance",
    "names_in_block",
    "only_there",
    "places_of",
    "poured_in",
    "relative_of",
    "run_block",
    "window_of",
    "words_of",
]

_NO_QKV, _NO_PLACES = "attn.qkv", "wpe"


def can_be_followed(model: Decoder) -> None:
    """Sees to it that every head of a model looks at tokens, all up to its own.

    Raises:
        ConfigError: for a Transformer-Decoder, whose heads look at blocks and at slots.
    """
    if isinstance(model, TransformerDecoder):
        raise ConfigError(
            "A run of a Transformer-Decoder cannot be drawn: its heads look at blocks and slots.",
            "Record what it computes with a tap: cutaway.interp.Recorder (docs/taps.md).",
        )


def knows_no_distance(model: Decoder, what: str) -> None:
    """Sees to it that scores are of queries and keys alone, and all up to a query are seen.

    Args:
        model: that is looked into.
        what: cannot be shown otherwise.

    Raises:
        ConfigError: for a Music Transformer with relative or local attention.
    """
    if isinstance(model, MusicTransformer) and (model.config.max_relative or model.config.window):
        raise ConfigError(
            f"{what} cannot be shown: attention of this Music Transformer knows distances.",
            "Look at its patterns, scores and values; or take a model without max_relative.",
        )


def only_there(model: Decoder, name: str) -> None:
    """Sees to it that a site, as it is called inside of its block, is one of this model's.

    Raises:
        ConfigError: for what GPT-2 has and this model has not.
    """
    if name == _NO_QKV and not isinstance(model, GPT2):
        what = "Queries, keys and values come of three matrices: look at q, k and v."
    elif name == _NO_PLACES and isinstance(model, Modern):
        what = "Positions turn queries and keys and are nowhere in the stream."
    else:
        return
    raise ConfigError(f"This model has no {name}: it is no GPT-2.", what)


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
    has_own = isinstance(model, GPT2 | MusicTransformer)
    return model.config.layer_norm_epsilon if has_own else EPSILON


def final_scale(model: Decoder, stream: Float[Tensor, " D"]) -> float:
    """What the last norm divides this stream by."""
    x = stream.double()
    spread = x.square().mean() if has_no_mean(model) else x.var(correction=0)
    return float((spread + epsilon_of(model)).sqrt())


def final_gain(model: Decoder) -> tuple[Float[Tensor, " D"], Float[Tensor, " D"]]:
    """Gain and bias of the last norm, in float64; 1 and 0 where it has none."""
    if isinstance(model.ln_f, nn.LayerNorm):
        norm = model.ln_f
        return norm.weight.double(), norm.bias.double()
    one = model.wte.weight.new_ones(model.config.n_embd, dtype=torch.float64)
    return one, torch.zeros_like(one)


def bias_of(module: nn.Module) -> Float[Tensor, " n_out"]:
    """The bias of a linear map stored (in, out); zeros where it has none."""
    weight = cast("Tensor", module.weight)
    bias = cast("Tensor | None", getattr(module, "bias", None))
    return weight.new_zeros(weight.shape[1]) if bias is None else bias


def words_of(model: Decoder, ids: Sequence[int]) -> Float[Tensor, "T D"]:
    """What is looked up for tokens, as the site ``wte`` has it."""
    rows = model.wte.weight[list(ids)]
    return rows * math.sqrt(model.config.n_embd) if isinstance(model, MusicTransformer) else rows


def places_of(model: Decoder, positions: range) -> Float[Tensor, "T D"]:
    """What is added for positions, as the site ``wpe`` has it: learned rows, or sinusoids.

    Raises:
        ConfigError: for a model that adds nothing.
    """
    only_there(model, _NO_PLACES)
    if isinstance(model, GPT2):
        return model.wpe.weight[positions.start : positions.stop : positions.step]
    weight = model.wte.weight
    places = torch.tensor(positions, device=weight.device)
    return sinusoids(places, model.config.n_embd, dtype=weight.dtype)


def poured_in(model: Decoder, id: int, q: int) -> list[tuple[str, Float[Tensor, " D"]]]:
    """What begins the stream of token ``id`` at position ``q``, by the names of its sites."""
    token = words_of(model, [id])[0]
    if isinstance(model, Modern):
        return [("wte", rms_norm(token))]
    return [("wte", token), ("wpe", places_of(model, range(q, q + 1))[0])]


def relative_of(model: Decoder, layer: int, head: int, places: range, n: int) -> Relative | None:
    """What a head's scores of queries at ``places`` among ``n`` tokens know of distances."""
    if not isinstance(model, MusicTransformer):
        return None
    vectors = cast("MusicBlock", model.h[layer]).attn.relative
    if vectors is None:
        return None
    own = vectors[head : head + 1].detach()
    if places == range(n):
        return Relative(own)  # moved, as the model does it, not gathered
    return Relative(own, torch.tensor(places, device=own.device))


def window_of(model: Decoder) -> int:
    """Positions of a block in local attention; 0 where a query sees all before it."""
    return model.config.window if isinstance(model, MusicTransformer) else 0
