"""Taps: the one way to read or change what a model computes on its way.

A model passes every value worth seeing through a tap and goes on with what the tap returns::

    x = tap("resid_mid", x + attn_out)

so recording, patching and ablating are one mechanism. The default, :data:`NO_TAP`, returns its
input, costs a tenth of a microsecond a site and leaves the compiled graph as it was.
"""

from typing import Protocol, Self, runtime_checkable

from torch import Tensor

__all__ = ["NO_TAP", "Tap"]


@runtime_checkable
class Tap(Protocol):
    """What a model calls at each named site.

    Names are paths: ``tap.at("h.3")`` hands a block a tap that puts ``h.3.`` before each name, so
    the pattern of block 3 arrives as ``h.3.attn.pattern``. Names match exactly, never in part.
    """

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        """Receives the value at a site and returns the value the model goes on with."""
        ...

    def wants(self, name: str, /) -> bool:
        """Whether a value that fused kernels never form must be computed for this tap."""
        ...

    def at(self, scope: str, /) -> Self:
        """The same tap, one level down: names it receives are prefixed with ``scope``."""
        ...


class _NoTap:
    """Returns every value as it is."""

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        return value

    def wants(self, name: str, /) -> bool:
        return False

    def at(self, scope: str, /) -> Self:
        return self


NO_TAP: Tap = _NoTap()
