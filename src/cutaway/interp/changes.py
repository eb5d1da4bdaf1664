"""What a run changes while the model reads: heads and neurons off, no mask, a head from elsewhere.

Each change is a tap (:mod:`cutaway.interp.edit`); a model is never altered.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from cutaway.errors import ConfigError
from cutaway.interp.bounds import check_index
from cutaway.interp.edit import Ablator, Patcher
from cutaway.interp.sites import Chain, SiteTap
from cutaway.models import DecoderConfig

__all__ = ["Edits", "HeadPatch", "ImpossibleEdit", "edit_tap"]


class ImpossibleEdit(ConfigError):
    """Edits that contradict each other, or take a head from where there is none."""


class HeadPatch(NamedTuple):
    """The output of a head, taken from the run ``run`` at the positions that both have."""

    layer: int
    head: int
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Edits:
    """All changes of a run, each kind in order and none twice.

    Attributes:
        heads_off: (layer, head) whose output is 0 (``attn.z``).
        neurons_off: (layer, neuron) whose activation is 0 (``mlp.post``).
        causal: whether a position sees only itself and those before it.
        patches: heads whose output comes from another run: activation patching.
    """

    heads_off: tuple[tuple[int, int], ...] = ()
    neurons_off: tuple[tuple[int, int], ...] = ()
    causal: bool = True
    patches: tuple[HeadPatch, ...] = ()

    def __post_init__(self) -> None:
        for name in ("heads_off", "neurons_off"):
            pairs = tuple(sorted({(a, b) for a, b in getattr(self, name)}))
            object.__setattr__(self, name, pairs)
        object.__setattr__(self, "patches", tuple(sorted({HeadPatch(*p) for p in self.patches})))

    @property
    def allow_cache(self) -> bool:
        """Whether earlier positions stay as they are when the text grows."""
        return self.causal and not self.patches

    def check(self, config: DecoderConfig, donors: Mapping[str, object]) -> None:
        """Raises for what a model of this size does not have.

        Raises:
            ConfigError: naming the layer, head, neuron or run.
        """
        for layer, head in (*self.heads_off, *((p.layer, p.head) for p in self.patches)):
            check_index("layer", layer, config.n_layer)
            check_index("head", head, config.n_head)
        for layer, neuron in self.neurons_off:
            check_index("layer", layer, config.n_layer)
            check_index("neuron", neuron, config.n_inner)
        for patch in self.patches:
            if patch.run not in donors:
                raise ImpossibleEdit(f"No run {patch.run!r} to take a head from.", "Open it first.")
        both = {(p.layer, p.head) for p in self.patches} & set(self.heads_off)
        if both or len({(p.layer, p.head) for p in self.patches}) < len(self.patches):
            raise ImpossibleEdit("A head is changed in two ways.", "Leave one of them out.")

    def to_list(self) -> list[object]:
        """All of it in one order, ready for JSON."""
        patches = [list(patch) for patch in self.patches]
        return [list(self.heads_off), list(self.neurons_off), self.causal, patches]


class _Unmasked(SiteTap):
    """Takes the causal mask away: the pattern becomes the softmax of all scores."""

    def __init__(self, n_layer: int) -> None:
        sites = ("scores", "pattern")
        super().__init__({f"h.{i}.attn.{site}" for i in range(n_layer) for site in sites})
        self.scores: dict[str, Tensor] = {}

    def visit(self, path: str, value: Tensor) -> Tensor:
        if path.endswith("scores"):
            self.scores[path] = value
            return value
        return self.scores.pop(path.replace("pattern", "scores")).softmax(dim=-1)


def edit_tap(
    edits: Edits, donors: Mapping[str, Callable[[int], Mapping[str, Tensor]]], *, n_layer: int
) -> Chain:
    """The changes as one tap.

    Args:
        edits: which.
        donors: by the id of a run, its values inside a block.
        n_layer: layers of the model.
    """
    taps: list[SiteTap] = [] if edits.causal else [_Unmasked(n_layer)]
    heads, neurons = _by_layer(edits.heads_off), _by_layer(edits.neurons_off)
    if heads:
        taps.append(Ablator({f"h.{layer}.attn.z": some for layer, some in heads.items()}))
    if neurons:
        off = {f"h.{i}.mlp.post": _silencer(some) for i, some in neurons.items()}
        taps.append(Patcher(off))
    moved: dict[str, dict[int, Tensor]] = {}
    for layer, head, run in edits.patches:
        z = donors[run](layer)["attn.z"][head]
        moved.setdefault(f"h.{layer}.attn.z", {})[head] = z
    if moved:
        taps.append(Patcher({site: _transplant(parts) for site, parts in moved.items()}))
    return Chain(*taps)


def _by_layer(pairs: Iterable[tuple[int, int]]) -> dict[int, list[int]]:
    found: dict[int, list[int]] = {}
    for layer, index in pairs:
        found.setdefault(layer, []).append(index)
    return found


def _silencer(neurons: list[int]) -> Callable[[Tensor], Tensor]:
    def off(post: Tensor) -> Tensor:
        return post.index_fill(-1, torch.tensor(neurons, device=post.device), 0.0)

    return off


def _transplant(parts: Mapping[int, Tensor]) -> Callable[[Tensor], Tensor]:
    def patched(z: Tensor) -> Tensor:
        z = z.clone()
        for head, other in parts.items():
            n = min(z.shape[2], other.shape[0])
            z[:, head, :n] = other[:n]
        return z

    return patched
