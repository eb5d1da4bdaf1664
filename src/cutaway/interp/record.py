"""Keeping what a model computes on its way."""

from collections.abc import Collection

from torch import Tensor

from cutaway.interp.sites import SiteTap

__all__ = ["Recorder"]


class Recorder(SiteTap):
    """Keeps the values at some sites, or at all, of the latest forward pass.

    Values are detached and not copied: they hold no graph, and are the very numbers that the
    model went on with. Asking for scores or patterns makes attention explicit in the layers asked
    for, and in no other.

    Args:
        names: exact names of sites; None for all, attention scores and patterns included.

    Attributes:
        values: name to tensor, in the order in which the model computed them.

    >>> import torch
    >>> from cutaway.models import GPT2, GPT2Config
    >>> model = GPT2(GPT2Config(vocab_size=9, n_ctx=8, n_embd=4, n_layer=1, n_head=2)).eval()
    >>> recorder = Recorder({"h.0.attn.pattern"})
    >>> _ = model(torch.tensor([[3, 1, 4]]), tap=recorder)
    >>> {name: tuple(value.shape) for name, value in recorder.values.items()}
    {'h.0.attn.pattern': (1, 2, 3, 3)}
    """

    def __init__(self, names: Collection[str] | None = None) -> None:
        super().__init__(names)
        self.values: dict[str, Tensor] = {}

    def visit(self, path: str, value: Tensor) -> Tensor:
        """Keeps the value and returns it as it is."""
        self.values[path] = value.detach()
        return value
