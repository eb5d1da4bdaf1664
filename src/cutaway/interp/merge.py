"""Many heads into one: what each head adds to the residual stream by itself.

The article lays the heads end to end and multiplies by one matrix (section 2.3). The product
splits by head (Elhage et al. 2021): head ``h`` meets only its own K rows of ``c_proj``, so what
attention adds is a sum over heads, and a bias.
"""

from dataclasses import dataclass
from typing import cast

import torch
from jaxtyping import Float
from torch import Tensor

from cutaway.interp.bounds import check_index
from cutaway.interp.parts import bias_of
from cutaway.interp.push import own_choice, readout
from cutaway.interp.runs import Run
from cutaway.models.gpt2 import Block

__all__ = ["Merge", "merge"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Merge:
    """What attention of one layer adds to the stream at one position, head by head.

    ``parts.sum(0) + bias`` is ``attn_out`` within rounding in float32, and so are the pushes.
    Norms are Euclidean. Pushes are in units of the logit, through the last layer norm with its
    actual scale frozen; see :mod:`cutaway.interp.push`.

    Attributes:
        layer: counted from 0.
        q: the position.
        id: the token whose logit is pushed.
        z: the heads' own outputs, before the matrix.
        parts: each head's addition.
        bias: of ``c_proj``, added once.
        attn_out: what the model added.
        norms: of :attr:`parts`.
        bias_norm: of :attr:`bias`.
        attn_out_norm: of :attr:`attn_out`.
        scale: what the last norm divides by at this position.
        push: of each head on the logit.
        bias_push: of the bias.
        attn_out_push: of the whole.
    """

    layer: int
    q: int
    id: int
    z: Float[Tensor, "H K"]
    parts: Float[Tensor, "H D"]
    bias: Float[Tensor, " D"]
    attn_out: Float[Tensor, " D"]
    norms: Float[Tensor, " H"]
    bias_norm: float
    attn_out_norm: float
    scale: float
    push: Float[Tensor, " H"]
    bias_push: float
    attn_out_push: float


@torch.inference_mode()
def merge(
    run: Run, *, layer: int, q: int, id: int | None = None, n_vocab: int | None = None
) -> Merge:
    """Splits what attention adds at position ``q`` by head.

    Args:
        run: to look into; a head that its edits switch off adds nothing.
        layer: counted from 0.
        q: the position.
        id: the token whose logit is pushed; None: the model's own choice there.
        n_vocab: entries of the vocabulary that may be its choice; None for all.

    Raises:
        ConfigError: for a layer, a position or a token that is not there.
    """
    config = run.model.config
    check_index("layer", layer, config.n_layer)
    id = own_choice(run, q=q, id=id, n_vocab=n_vocab)
    block, project = run.block(layer), cast("Block", run.model.h[layer]).attn.c_proj
    z, attn_out = block["attn.z"][:, q].float(), block["attn_out"][q].float()
    rows = project.weight.float().view(config.n_head, config.head_dim, config.n_embd)
    parts = torch.einsum("hk,hkd->hd", z, rows)
    bias = bias_of(project).float()
    through = readout(run, q=q)
    whole = through.push(torch.stack([bias, attn_out]), id=id)
    return Merge(
        layer=layer,
        q=q,
        id=id,
        z=z,
        parts=parts,
        bias=bias,
        attn_out=attn_out,
        norms=parts.norm(dim=-1),
        bias_norm=float(bias.norm()),
        attn_out_norm=float(attn_out.norm()),
        scale=through.scale,
        push=through.push(parts, id=id),
        bias_push=float(whole[0]),
        attn_out_push=float(whole[1]),
    )
