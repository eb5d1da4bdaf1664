"""What every tap of this package shares: exact names, checked, and the path to where it is."""

import re
from collections.abc import Collection
from copy import copy
from dataclasses import replace
from functools import cache
from typing import Self

import torch
from torch import Tensor

from cutaway.errors import ConfigError, unknown
from cutaway.models import (
    Decoder,
    DecoderConfig,
    EncoderDecoder,
    GPT2Config,
    TransformerConfig,
    TransformerDecoderConfig,
    new_model,
)
from cutaway.nn import Tap

__all__ = ["Chain", "SiteTap", "block_names", "site_names"]

_LAYER = re.compile(r"^(h|encoder)\.(\d+)\.")


class SiteTap:
    """Base of taps that care for some sites, by exact name, or for all.

    Args:
        names: paths such as ``h.3.attn.pattern``; None for every site, scores and patterns too.

    Raises:
        ConfigError: for a name that no site has, with the nearest that one has. A layer that the
            model lacks shows only once the model runs, and is raised there.
    """

    def __init__(self, names: Collection[str] | None) -> None:
        self.names = None if names is None else frozenset(names)
        self._scope = ""
        self._layers: set[str] = set()
        if isinstance(names, str):
            raise ConfigError(f"names is the text {names!r}.", "Give a set or list of names.")
        for name in sorted(self.names or ()):
            sites = _known()
            if _LAYER.sub(r"\1.0.", name) not in sites:
                layer = _LAYER.match(name)
                known = (_LAYER.sub(rf"\1.{layer[2] if layer else 0}.", site) for site in sites)
                raise unknown("site", name, known)

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        """Hands the value to :meth:`visit` where this tap cares for the site."""
        if not self._scope:
            self._check_layers()
        path = self._scope + name
        if self.names is not None and path not in self.names:
            return value
        return self.visit(path, value)

    def visit(self, path: str, value: Tensor) -> Tensor:
        """Sees the value at ``path`` and returns the one the model goes on with."""
        return value

    def wants(self, name: str, /) -> bool:
        """True exactly for the sites this tap cares for."""
        return self.names is None or self._scope + name in self.names

    def at(self, scope: str, /) -> Self:
        """The same tap one level down; what it holds is shared."""
        below = copy(self)
        below._scope = f"{self._scope}{scope}."
        if layer := _LAYER.match(below._scope):
            self._layers.add(layer[0])
        return below

    def _check_layers(self) -> None:
        """Raises for layers that were asked for and did not come, once the stack has run."""
        for name in sorted(self.names or ()):
            layer = _LAYER.match(name)
            if layer is None or layer[0] in self._layers:
                continue
            n_layer = sum(seen.startswith(f"{layer[1]}.") for seen in self._layers)
            if n_layer:
                raise ConfigError(
                    f"No site is called {name!r} in a model of {n_layer} layers.",
                    f"Layers count from {layer[1]}.0 to {layer[1]}.{n_layer - 1}.",
                )


class Chain:
    """Several taps one after the other, each seeing what the one before it returned.

    Recording behind an ablation shows what the ablation changed::

        model(tokens, tap=Chain(Ablator({"h.3.attn.z"}), recorder))
    """

    def __init__(self, *taps: Tap) -> None:
        self.taps = taps

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        """Passes the value through every tap in turn."""
        for tap in self.taps:
            value = tap(name, value)
        return value

    def wants(self, name: str, /) -> bool:
        """Whether any of the taps wants the value."""
        return any(tap.wants(name) for tap in self.taps)

    def at(self, scope: str, /) -> Self:
        """All taps one level down."""
        return type(self)(*(tap.at(scope) for tap in self.taps))


def site_names(model: Decoder) -> list[str]:
    """Every site of ``model`` in the order in which values pass it.

    >>> config = GPT2Config(n_layer=2, n_head=2, n_embd=4, vocab_size=9)
    >>> names = site_names(new_model(config))
    >>> names[0], names[5], names[-1]
    ('wte', 'h.0.attn.q', 'logits')
    """
    return list(_names(_small(model.config)))


def block_names() -> list[str]:
    """Every site of a block of a GPT-2, as it is called after ``h.{i}.``.

    >>> block_names()[:2]
    ['resid_pre', 'ln_1']
    """
    names = _names(_small(GPT2Config(n_layer=1)))
    return [name.removeprefix("h.0.") for name in names if name.startswith("h.0.")]


class _Names:
    """Notes the names that pass; wants everything."""

    def __init__(self, names: list[str], scope: str = "") -> None:
        self.names, self.scope = names, scope

    def __call__(self, name: str, value: Tensor, /) -> Tensor:
        self.names.append(self.scope + name)
        return value

    def wants(self, name: str, /) -> bool:
        return True

    def at(self, scope: str, /) -> Self:
        return type(self)(self.names, f"{self.scope}{scope}.")


def _small(config: DecoderConfig) -> DecoderConfig:
    """A size of the same kind and depth with the same sites."""
    return replace(config, vocab_size=2, n_ctx=2, n_embd=2, n_head=1)


@cache
def _names(config: DecoderConfig) -> tuple[str, ...]:
    """All sites, asked of a model without memory: the list is never stale."""
    names: list[str] = []
    with torch.device("meta"), torch.no_grad():
        model, tokens = new_model(config).eval(), torch.zeros(1, 1, dtype=torch.long)
        if isinstance(model, EncoderDecoder):
            memory = model.encode(tokens, tap=_Names(names))
            model.unembed(model.hidden(tokens, memory=memory, tap=_Names(names)), tap=_Names(names))
        else:
            model(tokens, tap=_Names(names))
    return tuple(names)


@cache
def _known() -> tuple[str, ...]:
    """The sites that some model has; a layer is called ``h.0``."""
    names = _names(_small(GPT2Config(n_layer=1)))
    for config in (
        TransformerDecoderConfig(n_layer=1, pattern="m"),
        TransformerConfig(n_layer=1),
    ):
        names += tuple(name for name in _names(_small(config)) if name not in names)
    return names
