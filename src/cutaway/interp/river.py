"""The residual stream as a river: how it swells from the embeddings to the last layer.

Every part of the model adds to one stream (Elhage et al. 2021). Seen at one position: how long
the stream is at each height, how long what comes in is, which way it points, and what it gives to
the logit of one token.
"""

from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from cutaway.interp.parts import poured_in
from cutaway.interp.push import own_choice, readout
from cutaway.interp.runs import Run

__all__ = ["Inflow", "River", "river"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Inflow:
    """One addition to the stream.

    Attributes:
        name: of its tap: ``wte``, ``wpe``, ``h.{i}.attn_out`` or ``h.{i}.mlp_out``.
        norm: its Euclidean length.
        cosine: to the stream that it joins, -1 to 1; None for ``wte``, which joins none, and
            where either has no length.
        site: the stream behind it: ``wte``, ``h.{i}.resid_pre``, ``h.{i}.resid_mid`` or
            ``h.{i}.resid_post``.
        stream_norm: the length of that stream.
        end_cosine: of that stream to the final one, -1 to 1; 1 for the last, 0 where either has
            no length.
        push: what it gives to the logit, through the last layer norm with its actual scale
            frozen; see :mod:`cutaway.interp.push`.
    """

    name: str
    norm: float
    cosine: float | None
    site: str
    stream_norm: float
    end_cosine: float
    push: float


@dataclass(frozen=True, slots=True, kw_only=True)
class River:
    """All that was added to the stream at one position, in order.

    The pushes of all inflows and :attr:`constant` sum to :attr:`logit` within rounding.

    Attributes:
        q: the position.
        id: the token whose logit is pushed.
        scale: what the last norm divides by at this position.
        inflows: 2 L + 2, the embeddings first; 2 L + 1 of a model without positions in its stream.
        constant: what the bias of the last norm gives to the logit.
        logit: of ``id``, by the model.
    """

    q: int
    id: int
    scale: float
    inflows: tuple[Inflow, ...]
    constant: float
    logit: float


@torch.inference_mode()
def river(run: Run, *, q: int, id: int | None = None, n_vocab: int | None = None) -> River:
    """Follows the stream at position ``q`` from the embeddings to the last layer.

    Args:
        run: to look into.
        q: the position.
        id: the token whose logit is pushed; None: the model's own choice there.
        n_vocab: entries of the vocabulary that may be its choice; None for all.

    Raises:
        ConfigError: for a position or a token that is not there.
    """
    id = own_choice(run, q=q, id=id, n_vocab=n_vocab)
    names, sites, added, behind = _additions(run, q=q)
    before = torch.cat([torch.zeros_like(behind[:1]), behind[:-1]])
    cosine = F.cosine_similarity(added, before, dim=-1).tolist()
    defined = (added.any(-1) & before.any(-1)).tolist()
    through = readout(run, q=q)
    columns = zip(
        names,
        added.norm(dim=-1).tolist(),
        [value if is_defined else None for value, is_defined in zip(cosine, defined, strict=True)],
        sites,
        behind.norm(dim=-1).tolist(),
        F.cosine_similarity(behind, behind[-1:], dim=-1).tolist(),
        through.push(added, id=id).tolist(),
        strict=True,
    )
    return River(
        q=q,
        id=id,
        scale=through.scale,
        inflows=tuple(
            Inflow(
                name=name,
                norm=norm,
                cosine=cos,
                site=site,
                stream_norm=length,
                end_cosine=end,
                push=push,
            )
            for name, norm, cos, site, length, end, push in columns
        ),
        constant=through.constant(id=id),
        logit=float(run.logits(q)[id]),
    )


def _additions(run: Run, *, q: int) -> tuple[list[str], list[str], Tensor, Tensor]:
    """What is added, under which name, and the stream behind it: (2 L + 2, D) each."""
    model = run.model
    poured = poured_in(model, run.ids[q], q)
    names, added = [name for name, _ in poured], [vector for _, vector in poured]
    sites = ["wte", "h.0.resid_pre"][-len(poured) :]  # of one inflow alone, the stream is at once
    behind = [*added[:-1], run.stream(0)[q]]
    for layer in range(model.config.n_layer):
        block = run.block(layer)
        names += [f"h.{layer}.attn_out", f"h.{layer}.mlp_out"]
        sites += [f"h.{layer}.resid_mid", f"h.{layer}.resid_post"]
        added += [block["attn_out"][q], block["mlp_out"][q]]
        behind += [block["resid_mid"][q], block["resid_post"][q]]
    return names, sites, torch.stack(added).float(), torch.stack(behind).float()
