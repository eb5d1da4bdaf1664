"""The logit lens: what the model would say if the stack ended here.

nostalgebraist 2020, "interpreting GPT: the logit lens": the residual stream at any height goes
through the model's own last layer norm and its own unembedding. Each layer shows two heights,
between attention and MLP and behind the MLP; below all of them are the embeddings.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.errors import unknown
from cutaway.interp.bounds import check_index, check_range, check_vocab
from cutaway.interp.runs import Run

__all__ = ["Lens", "lens", "lens_logits", "lens_sites"]

_BLOCK = 128  # positions whose logits are held at once: 26 MB for GPT-2's vocabulary in float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Lens:
    """What the model would say at each height of the stack, position by position.

    Axis N counts :attr:`sites`, axis T :attr:`positions`.

    Attributes:
        sites: 2 L + 1 heights by their tap's name, bottom first. ``h.{i}.resid_post`` is also
            ``h.{i+1}.resid_pre``; the last row is what the model really says.
        positions: that were looked at.
        best: the likeliest next token there.
        best_prob: its probability among the whole vocabulary, 0 to 1.
        ids: the token that is followed up the stack, at each position.
        rank: of that token, 1 for the likeliest; equal scores share the better rank.
        prob: of that token, 0 to 1.
    """

    sites: tuple[str, ...]
    positions: tuple[int, ...]
    best: Int[Tensor, "N T"]
    best_prob: Float[Tensor, "N T"]
    ids: Int[Tensor, " T"]
    rank: Int[Tensor, "N T"]
    prob: Float[Tensor, "N T"]


def lens_sites(n_layer: int) -> tuple[str, ...]:
    """The heights of a lens through ``n_layer`` layers, bottom first.

    >>> lens_sites(1)
    ('h.0.resid_pre', 'h.0.resid_mid', 'h.0.resid_post')
    """
    layers = range(n_layer)
    above = (f"h.{i}.{site}" for i in layers for site in ("resid_mid", "resid_post"))
    return ("h.0.resid_pre", *above)


@torch.inference_mode()
def lens(
    run: Run, *, id: int | None = None, rows: slice = slice(None), n_vocab: int | None = None
) -> Lens:
    """Looks at the stream of every height through the last layer norm and the unembedding.

    All in float32 and by :attr:`GPT2.ln_f` and :meth:`GPT2.unembed`. The work is one unembedding
    for each height and position, so a long text is best asked for in parts: ``rows`` may have a
    step.

    Args:
        run: to look into.
        id: the token to follow; None: at each position the model's own choice there.
        rows: positions.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: for a token, a position or a size that is not there.
    """
    n_vocab = check_vocab(n_vocab, run.model.config.vocab_size)
    positions = check_range("rows", rows, len(run.ids))
    part = slice(positions.start, positions.stop, positions.step)
    top = run.stream(run.model.config.n_layer)[part]
    if id is None:
        own = [logits.argmax(-1) for logits in _logits(run, top, n_vocab=n_vocab)]
        ids = torch.cat(own)
    else:
        ids = torch.full((len(top),), check_index("id", id, n_vocab), device=top.device)
    read = [_read(run, x[part], ids, n_vocab=n_vocab) for x in _streams(run)]
    best, best_prob, rank, prob = (torch.stack(list(row)) for row in zip(*read, strict=True))
    return Lens(
        sites=lens_sites(run.model.config.n_layer),
        positions=tuple(positions),
        best=best,
        best_prob=best_prob,
        ids=ids,
        rank=rank,
        prob=prob,
    )


@torch.inference_mode()
def lens_logits(run: Run, *, site: str, q: int) -> Float[Tensor, " V"]:
    """All scores of the lens at one height and position.

    At the last height they are :meth:`Run.logits` to the bit.

    Raises:
        ConfigError: for a height or a position that is not there.
    """
    n_layer = run.model.config.n_layer
    sites = lens_sites(n_layer)
    if site not in sites:
        raise unknown("height of the lens", site, sites)
    check_index("q", q, len(run.ids))
    if site == sites[-1]:
        return run.logits(q)
    height = sites.index(site)
    x = run.block(height // 2)["resid_mid"] if height % 2 else run.stream(height // 2)
    return run.model.unembed(run.model.ln_f(x[q]))


def _streams(run: Run) -> Iterator[Tensor]:
    """The stream at every height, (T, D), bottom first; one at a time."""
    for layer in range(run.model.config.n_layer):
        yield run.stream(layer)
        yield run.block(layer)["resid_mid"]
    yield run.stream(run.model.config.n_layer)


def _logits(run: Run, x: Tensor, *, n_vocab: int) -> Iterator[Tensor]:
    """Scores of a stream (T, D), a block of positions at a time, in float32."""
    for part in x.split(_BLOCK):
        yield run.model.unembed(run.model.ln_f(part))[:, :n_vocab].float()


def _read(
    run: Run, x: Tensor, ids: Tensor, *, n_vocab: int
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Best token, its probability, rank and probability of ``ids``: each (T)."""
    blocks: list[tuple[Tensor, ...]] = []
    for logits, wanted in zip(_logits(run, x, n_vocab=n_vocab), ids.split(_BLOCK), strict=True):
        score = logits.gather(-1, wanted[:, None])  # (T, 1)
        rank = 1 + (logits > score).sum(-1)
        highest, best = logits.max(-1)
        below = logits.sub_(highest[:, None]).exp_()  # relative to the best, which is 1
        total = below.sum(-1)
        blocks.append((best, 1 / total, rank, below.gather(-1, wanted[:, None])[:, 0] / total))
    best, best_prob, rank, prob = (torch.cat(list(row)) for row in zip(*blocks, strict=True))
    return best, best_prob, rank, prob
