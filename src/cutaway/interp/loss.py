"""How surprised the model was by every token of the text it read.

Teacher forcing: all tokens are predicted in one pass, each from the true ones before it. Colouring
a text by it is GLTR's idea (Gehrmann et al. 2019).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.nn import functional as F

from cutaway.errors import ConfigError
from cutaway.interp.bounds import check_index, check_vocab
from cutaway.interp.runs import Run

__all__ = ["Loss", "loss"]

_BLOCK = 128  # positions whose logits are held at once: 26 MB for GPT-2's vocabulary in float32


@dataclass(frozen=True, slots=True, kw_only=True)
class Loss:
    """The negative log-likelihood of a text, token by token.

    Entry ``t`` belongs to the token at position ``t + 1``, as predicted behind position ``t``. The
    first token of a run is read and not predicted, so it has no entry; a text that starts with
    ``<|endoftext|>`` is scored whole.

    Attributes:
        nll: in nats; the logits are float32, their softmax is taken in float64.
        rank: of the token that came, 1 for the likeliest; equal scores share the better rank.
        n_bytes: of all tokens that have an entry; None if not told.
    """

    nll: Float[Tensor, " N"]
    rank: Int[Tensor, " N"]
    n_bytes: int | None

    @property
    def total(self) -> float:
        """Of the whole text, in nats."""
        return float(self.nll.sum())

    @property
    def mean(self) -> float | None:
        """Nats per predicted token; None where none is predicted."""
        return self.total / len(self.nll) if len(self.nll) else None

    @property
    def bits_per_byte(self) -> float | None:
        """``total / (ln 2 * bytes)``; None where there are no bytes, or nobody told them."""
        return self.total / (math.log(2) * self.n_bytes) if self.n_bytes else None


@torch.inference_mode()
def loss(run: Run, *, token_bytes: Sequence[int] | None = None, n_vocab: int | None = None) -> Loss:
    """Scores every token of the run but the first.

    Args:
        run: whose text is scored, with its edits.
        token_bytes: how many bytes each token of the run writes, the first included.
        n_vocab: entries of the vocabulary that have a token; None for all.

    Raises:
        ConfigError: if ``token_bytes`` has another length than the text, or for a size or a token
            that is not there.
    """
    n_vocab = check_vocab(n_vocab, run.model.config.vocab_size)
    check_index("id", max(run.ids), n_vocab)
    if token_bytes is not None and len(token_bytes) != len(run.ids):
        raise ConfigError(
            f"token_bytes has {len(token_bytes)} entries for {len(run.ids)} tokens.",
            "Give one number for each token of the run.",
        )
    final = run.final()[:-1]
    targets = torch.tensor(run.ids[1:], dtype=torch.long, device=final.device)
    nll, rank = torch.empty(len(final), dtype=torch.float64), torch.empty_like(targets).cpu()
    for start in range(0, len(final), _BLOCK):
        part = slice(start, start + _BLOCK)
        logits, wanted = run.model.unembed(final[part])[:, :n_vocab], targets[part]
        rank[part] = 1 + (logits > logits.gather(-1, wanted[:, None])).sum(-1)
        nll[part] = F.cross_entropy(logits.double(), wanted, reduction="none")
    return Loss(nll=nll, rank=rank, n_bytes=None if token_bytes is None else sum(token_bytes[1:]))
