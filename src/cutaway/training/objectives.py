"""What training minimises: each objective returns a loss that is summed over targets.

Sums, not means: then the gradient of several micro-batches, or of several machines, is exactly
that of one large batch, however unevenly the targets fall.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from operator import itemgetter, methodcaller
from typing import Protocol, Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.models import Decoder
from cutaway.nn.masks import document_mask, prefix_mask
from cutaway.training.cross_entropy import IGNORED, summed_cross_entropy

__all__ = ["Batch", "Objective", "TokenBatch", "causal_lm", "width_of"]


class Batch(Protocol):
    """What an objective reads: the loop only counts, cuts and moves it."""

    @property
    def n_rows(self) -> int:
        """Rows, along which it can be cut."""
        ...

    @property
    def width(self) -> int:
        """Positions of its longest row."""
        ...

    @property
    def n_targets(self) -> int:
        """By which the summed loss is divided."""
        ...

    @property
    def n_tokens(self) -> int:
        """Positions that go through the model."""
        ...

    def split(self, n_rows: int) -> Sequence[Self]:
        """The batch in parts of ``n_rows`` rows; the last may have fewer."""
        ...

    def to(self, device: torch.device) -> Self:
        """The batch on a device."""
        ...

    def tensors(self) -> dict[str, Tensor]:
        """All that it holds, by name, to be written down."""
        ...


Objective = Callable[..., Tensor]
"""From a model and a batch that fits it to a loss in nats, summed over the batch's targets.

It also takes ``label_smoothing`` by name, if it is to be used with any.
"""


@dataclass(frozen=True, slots=True)
class TokenBatch:
    """Rows of tokens, and what is to be said at each.

    Attributes:
        tokens: ids.
        targets: the right next token, or ``IGNORED``.
        documents: the number of the document at each position, for rows in which several are
            packed that do not see each other; None where all of a row is one text.
        prefix: how many tokens at the begin of each row see each other both ways; None for none.
    """

    tokens: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]
    documents: Int[Tensor, "B T"] | None = None
    prefix: Int[Tensor, " B"] | None = None

    @classmethod
    def of_windows(cls, windows: Int[Tensor, "B T1"], *, eot: int | None = None) -> Self:
        """Every token of windows but the first as a target.

        Args:
            windows: ids, one more than positions.
            eot: the id of end-of-text, to keep documents apart; None to let each see those before
                it. It begins the document behind it, as it does when the model writes unprompted.
        """
        tokens, targets = windows[:, :-1], windows[:, 1:]
        return cls(tokens, targets, None if eot is None else (tokens == eot).cumsum(dim=1))

    @property
    def n_rows(self) -> int:
        """Rows."""
        return len(self.tokens)

    @property
    def width(self) -> int:
        """Positions of a row."""
        return self.tokens.shape[1]

    @property
    def n_targets(self) -> int:
        """Targets that count."""
        return int((self.targets != IGNORED).sum())

    @property
    def n_tokens(self) -> int:
        """Positions."""
        return self.tokens.numel()

    def split(self, n_rows: int) -> Sequence[Self]:
        """Parts of ``n_rows`` rows, each as wide as its last target."""
        n = len(self.tokens)
        parts = [self._map(itemgetter(slice(i, i + n_rows))) for i in range(0, n, n_rows)]
        return [part._cut_to(width_of(part.targets)) for part in parts]

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        return self._map(methodcaller("to", device, non_blocking=True))

    def tensors(self) -> dict[str, Tensor]:
        """What it holds, by name."""
        named = {f.name: getattr(self, f.name) for f in fields(self)}
        return {name: tensor for name, tensor in named.items() if tensor is not None}

    def _map(self, change: Callable[[Tensor], Tensor]) -> Self:
        return type(self)(**{name: change(tensor) for name, tensor in self.tensors().items()})

    def _cut_to(self, width: int) -> Self:
        if width == self.tokens.shape[1]:
            return self
        documents = None if self.documents is None else self.documents[:, :width]
        return type(self)(self.tokens[:, :width], self.targets[:, :width], documents, self.prefix)


def width_of(targets: Int[Tensor, "B T"]) -> int:
    """Positions up to the last target that counts in any row; behind it is nothing but padding."""
    counted = (targets != IGNORED).any(dim=0)
    return int(counted.nonzero().max()) + 1 if counted.any() else targets.shape[1]


def causal_lm(
    model: Decoder, batch: TokenBatch, *, label_smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Predicts every token from those before it (Radford et al. 2018, section 3.1).

    Args:
        model: whose scores are the dot products with the rows of its head.
        batch: the tokens, and the targets that count.
        label_smoothing: while the model is trained, not while it is measured.

    Returns:
        The negative log-likelihood in nats, summed over the targets.
    """
    if batch.documents is not None:
        mask, positions = document_mask(batch.documents)
        x = model.hidden(batch.tokens, mask=mask, positions=positions)
    elif batch.prefix is not None:
        x = model.hidden(batch.tokens, mask=prefix_mask(batch.prefix, batch.tokens.shape[1]))
    else:
        x = model.hidden(batch.tokens)
    smoothing = label_smoothing if model.training else 0.0
    return summed_cross_entropy(
        x.flatten(0, 1), model.head, batch.targets.flatten(), label_smoothing=smoothing
    )
