"""Taps for tests, independent of those that the package offers."""

from typing import Self

from torch import Tensor

__all__ = ["Explicit", "Keep"]


class Explicit:
    """Wants the pattern, so that attention takes the path which forms it; changes nothing."""

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        return value

    def wants(self, name: str, /) -> bool:
        return name == "pattern"

    def at(self, scope: str, /) -> Self:
        return self


class Keep(Explicit):
    """Keeps every value under its full name, in the order of arrival."""

    def __init__(self, values: dict[str, Tensor], scope: str = "") -> None:
        self.values, self.scope = values, scope

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        assert self.scope + name not in self.values, f"two sites are called {self.scope + name}"
        self.values[self.scope + name] = value.clone()
        return value

    def at(self, scope: str, /) -> Self:
        return type(self)(self.values, f"{self.scope}{scope}.")
