"""The mask laboratory: how the future is hidden, stage by stage, in the arithmetic asked for.

The article (section 2.2) says that masked scores become minus infinity "or a very large negative
number". OpenAI's code takes -1e10 (openai/gpt-2 ``model.py``, ``mask_attn_weights``), others the
least number of the dtype. In all of them the score of a future position is *replaced*. What that
does depends on the dtype: in float16 nothing lies below -65504, so -1e9 is minus infinity.
"""

import math
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.interp.bounds import check_choice, check_index, check_range
from cutaway.interp.parts import distances_of
from cutaway.interp.runs import Run
from cutaway.nn.relative import relative_scores

__all__ = ["DTYPES", "MASKS", "MaskLab", "Odd", "masklab"]

MASKS = ("none", "-inf", "-1e9", "-1e10", "min")
DTYPES = {"float32": torch.float32, "float16": torch.float16}


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """How many numbers of one stage are none, or infinite.

    Attributes:
        nan: not a number.
        posinf: plus infinity.
        neginf: minus infinity.
    """

    nan: int
    posinf: int
    neginf: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MaskLab:
    """Attention of one head in four stages, each computed in one dtype out of the stage before.

    Attributes:
        layer: counted from 0.
        head: counted from 0.
        mask: its name; see :data:`MASKS`.
        value: what took the place of hidden scores, as the dtype holds it; None without a mask.
        rows: the query positions.
        qk: queries times keys, and what distances add where a model has such a term.
        scaled: over the square root of K.
        masked: with hidden scores replaced.
        pattern: after softmax.
        odd: what went wrong in each stage, by its name. Minus infinity in ``masked`` is no harm.
        extent_qk: the largest finite magnitude of ``qk`` among the cells that a position may see
            under a mask.
        extent_scaled: the same of ``scaled``.
        farthest: of all sums of a row of the pattern the one farthest from 1; NaN if one is.
        n_future: cells of positions that come later.
        n_leaking: how many of them have a share that is not exactly 0.
        lost_row: a row of the pattern in which *every* position is hidden, as it happens to a
            query that is all padding: NaN from minus infinity, uniform from a finite number.
            None without a mask.
    """

    layer: int
    head: int
    mask: str
    value: float | None
    rows: tuple[int, ...]
    qk: Float[Tensor, "T S"]
    scaled: Float[Tensor, "T S"]
    masked: Float[Tensor, "T S"]
    pattern: Float[Tensor, "T S"]
    odd: dict[str, Odd]
    extent_qk: float
    extent_scaled: float
    farthest: float
    n_future: int
    n_leaking: int
    lost_row: Float[Tensor, " S"] | None


@torch.inference_mode()
def masklab(
    run: Run,
    *,
    layer: int,
    head: int,
    mask: str = "-inf",
    dtype: str = "float32",
    rows: slice = slice(None),
) -> MaskLab:
    """Computes attention of one head with a mask of its own choice, whatever mask the run has.

    The steps are those of :func:`cutaway.nn.attention.attend`, and with ``-inf`` in the model's
    own dtype so are the bits.

    Args:
        run: whose queries and keys are taken.
        layer: counted from 0.
        head: counted from 0.
        mask: one of :data:`MASKS`; ``min`` is the least finite number of the dtype.
        dtype: one of :data:`DTYPES`.
        rows: query positions.

    Raises:
        ConfigError: for a layer, a head, a position, a mask or a dtype that is not there.
    """
    config, n = run.model.config, len(run.ids)
    check_index("layer", layer, config.n_layer)
    check_index("head", head, config.n_head)
    held = DTYPES[check_choice("dtype", dtype, DTYPES)]
    value = _value(check_choice("mask", mask, MASKS), held)
    positions = check_range("rows", rows, n)
    block = run.block(layer)
    q, k = (block[f"attn.{name}"][None, head : head + 1].to(held) for name in ("q", "k"))
    q = q[:, :, positions.start : positions.stop : positions.step]  # (1, 1, T, K)
    qk = q @ k.transpose(-2, -1)  # (1, 1, T, S)
    known = distances_of(run.model, layer, head, positions, n=n)
    if known is not None:
        qk = qk + relative_scores(q, known._replace(embeddings=known.embeddings.to(held)), n)
    scaled = qk / math.sqrt(q.shape[-1])
    hidden = torch.arange(n, device=q.device) > torch.tensor(positions, device=q.device)[:, None]
    masked = scaled if value is None else scaled.masked_fill(hidden, value)
    stages = {"qk": qk, "scaled": scaled, "masked": masked, "pattern": masked.softmax(dim=-1)}
    stages = {name: stage[0, 0] for name, stage in stages.items()}
    sums = stages["pattern"].sum(-1, dtype=torch.float64)
    future = stages["pattern"].masked_fill(~hidden, 0)
    return MaskLab(
        layer=layer,
        head=head,
        mask=mask,
        value=value,
        rows=tuple(positions),
        qk=stages["qk"],
        scaled=stages["scaled"],
        masked=stages["masked"],
        pattern=stages["pattern"],
        odd={name: _count(stage) for name, stage in stages.items()},
        extent_qk=_extent(stages["qk"], hidden),
        extent_scaled=_extent(stages["scaled"], hidden),
        farthest=float(sums[(sums - 1).abs().argmax()]),
        n_future=sum(n - 1 - position for position in positions),
        n_leaking=int(future.count_nonzero()),
        lost_row=None if value is None else torch.full_like(masked[0, 0, 0], value).softmax(-1),
    )


def _value(mask: str, dtype: torch.dtype) -> float | None:
    """What a mask puts in the place of a score, rounded to ``dtype``."""
    if mask == "none":
        return None
    value = torch.finfo(dtype).min if mask == "min" else float(mask)
    return float(torch.tensor(value, dtype=torch.float64).to(dtype))


def _extent(stage: Tensor, hidden: Tensor) -> float:
    seen = stage.masked_fill(hidden, 0)
    low, high = (float(end) for end in seen.aminmax())
    if not (math.isfinite(low) and math.isfinite(high)):
        return float(seen.float().nan_to_num(0.0, 0.0, 0.0).abs().amax())
    return max(-low, high)


def _count(stage: Tensor) -> Odd:
    low, high = (float(end) for end in stage.aminmax())  # NaN if there is one
    if math.isfinite(low) and math.isfinite(high):
        return Odd(nan=0, posinf=0, neginf=0)
    return Odd(
        nan=int(stage.isnan().count_nonzero()),
        posinf=int(stage.isposinf().count_nonzero()),
        neginf=int(stage.isneginf().count_nonzero()),
    )
