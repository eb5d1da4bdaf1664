"""What rounding weights costs: how far the new predictions are from the old ones.

Both are measured on the same rows of tokens, in nats a token. Where the rows were written by the
old model itself, the expected change of the log of the perplexity is the mean divergence.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.models import Decoder

__all__ = ["Quality", "logits_of", "quality", "written_by"]

_N_ROWS, _LENGTH, _SEED = 8, 32, 20190214


@dataclass(frozen=True, slots=True, kw_only=True)
class Quality:
    """How the predictions of two models differ.

    Attributes:
        n_tokens: predictions that were compared.
        perplexity_before: of the first model, ``exp`` of its mean loss.
        perplexity_after: of the second, on the same tokens.
        kl: the mean of ``KL(before || after)`` of their distributions of the next token, in nats.
    """

    n_tokens: int
    perplexity_before: float
    perplexity_after: float
    kl: float

    @property
    def perplexity_change(self) -> float:
        """Relative: 0.01 where the second model's perplexity is larger by a hundredth."""
        return self.perplexity_after / self.perplexity_before - 1

    def to_dict(self) -> dict[str, int | float]:
        """All fields and the change, ready for JSON."""
        return {
            "n_tokens": self.n_tokens,
            "perplexity_before": self.perplexity_before,
            "perplexity_after": self.perplexity_after,
            "perplexity_change": self.perplexity_change,
            "kl": self.kl,
        }


@torch.no_grad()
def quality(
    before: Iterable[Float[Tensor, "T V"]],
    after: Iterable[Float[Tensor, "T V"]],
    targets: Iterable[Int[Tensor, " T"]],
) -> Quality:
    """Compares logits, one row at a time, in float64; see :class:`Quality`.

    Args:
        before: logits of the one model behind every token of a row, for each row.
        after: those of the other.
        targets: the token that did follow.
    """
    n_tokens, loss_before, loss_after, kl = 0, 0.0, 0.0, 0.0
    for old, new, target in zip(before, after, targets, strict=True):
        p, q = old.double().log_softmax(-1), new.double().log_softmax(-1)
        n_tokens += len(target)
        loss_before -= float(p.gather(1, target[:, None]).sum())
        loss_after -= float(q.gather(1, target[:, None]).sum())
        kl += float((p.exp() * (p - q)).sum())
    return Quality(
        n_tokens=n_tokens,
        perplexity_before=math.exp(loss_before / n_tokens),
        perplexity_after=math.exp(loss_after / n_tokens),
        kl=kl / n_tokens,
    )


def logits_of(model: Decoder, ids: Int[Tensor, "B T"]) -> Iterator[Float[Tensor, "T V"]]:
    """The logits of each row, one row at a time."""
    for row in ids:
        with torch.no_grad():
            logits = model(row[None])[0]
        yield logits


@torch.no_grad()
def written_by(model: Decoder, *, start: int | None) -> Int[Tensor, "B T"]:
    """A few rows that the model writes itself, drawn from its own distribution.

    The last token of a row is written and never read, so a row is one longer than was read.

    Args:
        model: on the CPU.
        start: the first token of each row, such as the end of a text; None for any.
    """
    generator = torch.Generator().manual_seed(_SEED)
    n_vocab, n_read = model.config.vocab_size, min(_LENGTH, model.config.n_ctx)
    rows = torch.randint(n_vocab, (_N_ROWS, 1), generator=generator)
    if start is not None:
        rows.fill_(start)
    cache = model.new_cache(_N_ROWS, n_read)
    for _ in range(n_read):
        chances = model(rows[:, -1:], cache=cache)[:, -1].softmax(-1)
        rows = torch.cat([rows, torch.multinomial(chances, 1, generator=generator)], dim=1)
    return rows
