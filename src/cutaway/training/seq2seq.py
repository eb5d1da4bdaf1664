"""Learning pairs with an encoder and a decoder (Vaswani et al. 2017, section 3.1)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.models import EncoderDecoder
from cutaway.training.cross_entropy import IGNORED, summed_cross_entropy
from cutaway.training.objectives import width_of

__all__ = ["PairBatch", "seq2seq"]


@dataclass(frozen=True, slots=True)
class PairBatch:
    """Pairs for a model that reads with one stack and writes with another; padded on the right.

    Attributes:
        source: ids of what is read.
        source_lengths: how many of them each row has; the rest is padding.
        tokens: ids of what the decoder has before it: the marker, then the target.
        targets: the right next token, or ``IGNORED``.
    """

    source: Int[Tensor, "B S"]
    source_lengths: Int[Tensor, " B"]
    tokens: Int[Tensor, "B T"]
    targets: Int[Tensor, "B T"]

    @property
    def n_rows(self) -> int:
        """Pairs."""
        return len(self.tokens)

    @property
    def width(self) -> int:
        """Positions of the longer of both sides."""
        return max(self.source.shape[1], self.tokens.shape[1])

    @property
    def n_targets(self) -> int:
        """Targets that count."""
        return int((self.targets != IGNORED).sum())

    @property
    def n_tokens(self) -> int:
        """Positions of both stacks."""
        return self.source.numel() + self.tokens.numel()

    def split(self, n_rows: int) -> Sequence[Self]:
        """Parts of ``n_rows`` pairs, each as wide as its longest sides."""
        parts: list[Self] = []
        for i in range(0, len(self.tokens), n_rows):
            rows = slice(i, i + n_rows)
            lengths, targets = self.source_lengths[rows], self.targets[rows]
            n_read, n_written = int(lengths.max()), width_of(targets)
            source, tokens = self.source[rows, :n_read], self.tokens[rows, :n_written]
            parts.append(type(self)(source, lengths, tokens, targets[:, :n_written]))
        return parts

    def to(self, device: torch.device) -> Self:
        """The same on a device."""
        moved = (tensor.to(device, non_blocking=True) for tensor in self.tensors().values())
        return type(self)(*moved)

    def tensors(self) -> dict[str, Tensor]:
        """What it holds, by name."""
        return {
            "source": self.source,
            "source_lengths": self.source_lengths,
            "tokens": self.tokens,
            "targets": self.targets,
        }


def seq2seq(
    model: EncoderDecoder, batch: PairBatch, *, label_smoothing: float = 0.0
) -> Float[Tensor, ""]:
    """Predicts every token of the target from those before it and from the whole source.

    Args:
        model: whose scores are the dot products with the rows of its head.
        batch: both sides, and the targets that count.
        label_smoothing: while the model is trained, not while it is measured.

    Returns:
        The negative log-likelihood in nats, summed over the targets.
    """
    memory = model.encode(batch.source, batch.source_lengths)
    x = model.hidden(batch.tokens, memory=memory)
    smoothing = label_smoothing if model.training else 0.0
    return summed_cross_entropy(
        x.flatten(0, 1), model.head, batch.targets.flatten(), label_smoothing=smoothing
    )
