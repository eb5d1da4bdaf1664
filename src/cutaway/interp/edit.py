"""Changing what a model computes on its way, to see what depends on it."""

from collections.abc import Callable, Collection, Mapping

import torch
from torch import Tensor

from cutaway.errors import ConfigError
from cutaway.interp.sites import SiteTap

__all__ = ["Ablator", "Patcher"]


class Patcher(SiteTap):
    """Replaces the values at some sites: activation patching.

    Args:
        values: exact name to the tensor that takes the site's place, or to a function from the
            value there to the value to go on with. A tensor is broadcast to the site's shape.

    Raises:
        ConfigError: for an unknown name, or a value that does not fit the site's shape.
    """

    def __init__(self, values: Mapping[str, Tensor | Callable[[Tensor], Tensor]]) -> None:
        super().__init__(values.keys())
        self.values = dict(values)

    def visit(self, path: str, value: Tensor) -> Tensor:
        """Returns the replacement, in the dtype and on the device of the value it replaces."""
        new = self.values[path]
        if not isinstance(new, Tensor):
            new = new(value)
        try:
            return new.to(value).expand(value.shape)
        except RuntimeError:
            raise ConfigError(
                f"A value of shape {tuple(new.shape)} does not fit {path!r}, "
                f"which has shape {tuple(value.shape)}.",
                "Record the site on a text of the same length.",
            ) from None


class Ablator(SiteTap):
    """Puts zeros at some sites, or at some heads of them: what does the model lose?

    Args:
        names: exact names of sites; or names to the heads to silence there, None for all. Heads
            are the second axis of ``q``, ``k``, ``v``, ``scores``, ``pattern`` and ``z``.

    >>> tap = Ablator({"h.3.attn.z": [0, 4], "h.5.mlp_out": None})

    Raises:
        ConfigError: for an unknown name, or a head that the site does not have.
    """

    def __init__(self, names: Collection[str] | Mapping[str, Collection[int] | None]) -> None:
        super().__init__(names if isinstance(names, str) else set(names))
        heads = names if isinstance(names, Mapping) else dict.fromkeys(names)
        self.heads = {name: None if some is None else sorted(some) for name, some in heads.items()}

    def visit(self, path: str, value: Tensor) -> Tensor:
        """Returns zeros, or the value with zeros at the chosen heads."""
        heads = self.heads[path]
        if heads is None:
            return torch.zeros_like(value)
        if value.ndim != 4 or not all(0 <= head < value.shape[1] for head in heads):
            of = f"{value.shape[1]} heads" if value.ndim == 4 else "no axis of heads"
            raise ConfigError(f"Heads {heads} of {path!r}, which has {of}.", "Count heads from 0.")
        value = value.clone()
        value[:, heads] = 0
        return value
