"""A run as a full forward pass knows it, everything kept: the oracle of what looks into runs."""

from collections.abc import Mapping

import torch
from torch import Tensor

from cutaway.interp import Run
from cutaway.models import Decoder
from taps import Keep

__all__ = ["WholeRun"]


class WholeRun(Run):
    """Answers what a run answers, out of one explicit pass over the whole text, and that alone."""

    def __init__(self, model: Decoder, ids: list[int]) -> None:
        self.model, self.ids, self.id = model, tuple(ids), "whole"
        self.values: dict[str, Tensor] = {}
        with torch.no_grad():
            model(torch.tensor([ids]), tap=Keep(self.values))

    def at(self, name: str) -> Tensor:
        """The value at a site, without the batch axis."""
        return self.values[name] if name == "wpe" else self.values[name][0]

    def block(self, layer: int) -> Mapping[str, Tensor]:
        scope = f"h.{layer}."
        names = [name for name in self.values if name.startswith(scope)]
        return {name.removeprefix(scope): self.at(name) for name in names}

    def scores(self, layer: int, head: int, rows: slice = slice(None)) -> Tensor:
        return self.at(f"h.{layer}.attn.scores")[head, rows]

    def pattern(self, layer: int, head: int, rows: slice = slice(None)) -> Tensor:
        return self.at(f"h.{layer}.attn.pattern")[head, rows]

    def stream(self, layer: int) -> Tensor:
        last = self.model.config.n_layer - 1
        return self.at(f"h.{layer}.resid_pre" if layer <= last else f"h.{last}.resid_post")

    def final(self) -> Tensor:
        return self.at("ln_f")

    def logits(self, q: int) -> Tensor:
        return self.at("logits")[q]
