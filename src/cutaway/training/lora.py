"""Fine-tuning by LoRA: the model stays as it is, and narrow paths beside some layers learn.

Hu et al. 2021, "LoRA: Low-Rank Adaptation of Large Language Models". The layers of
:mod:`cutaway.nn.lora` take the places of the model's own and share their weights under the same
names, so the model can be trained, saved and looked into as before; both ways back are exact,
because nothing is ever added to a weight of the base. Where the vocabulary grew for a task, its new
rows are trained too: they belong to no base, and go to the one that is written for the adapter.
"""

import hashlib
import re
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import nn

from cutaway.checkpoints.adapter import merged, write_adapter
from cutaway.checkpoints.raw import raw_bytes
from cutaway.errors import ConfigError, unknown
from cutaway.models import GPT2, Decoder
from cutaway.models.config import gpt2_only
from cutaway.nn import Conv1D
from cutaway.nn.lora import GrownEmbedding, LoRAConv1D
from cutaway.numbers import to_array, to_tensor

__all__ = ["TARGETS", "LoRA", "LoRAConfig"]

TARGETS = ("attn.c_attn", "attn.c_proj", "mlp.c_fc", "mlp.c_proj")
"""The layers of a block that can have a path beside them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoRAConfig:
    """What is trained in the place of the model's weights.

    Attributes:
        rank: of each change; 0 for none: then the whole model is trained.
        alpha: a change is multiplied by ``alpha / rank``.
        dropout: on what enters the narrow paths.
        targets: the layers of every block that have one.
    """

    rank: int = 0
    alpha: float = 16.0
    dropout: float = 0.0
    targets: tuple[str, ...] = ("attn.c_attn",)

    def __post_init__(self) -> None:
        if self.rank < 0 or (self.rank == 0 and (self.alpha, self.dropout) != (16.0, 0.0)):
            raise ConfigError(f"lora.rank is {self.rank}.", "Give 1 or more; 8 is usual.")
        if not 0.0 < self.alpha < float("inf"):
            raise ConfigError(f"lora.alpha is {self.alpha}.", "Give a number above 0.")
        if not 0.0 <= self.dropout < 1.0:
            raise ConfigError(f"lora.dropout is {self.dropout}.", "It must be in [0, 1).")
        for target in self.targets:
            if target not in TARGETS:
                raise unknown("layer for lora.targets", target, TARGETS)
        if not self.targets or len(set(self.targets)) < len(self.targets):
            raise ConfigError(
                f"lora.targets is {list(self.targets)}.", "Name each layer once, and one at least."
            )


class LoRA:
    """Narrow paths beside the layers of a model, whose own parameters are no longer trained.

    Args:
        model: changed in place, until :meth:`detach`.
        config: which layers, and how narrow.
        seed: of the first matrices; the global random state is not touched.
        n_new: rows at the end of the embedding that were made for the task and are trained whole.

    Attributes:
        trained: a module with the new matrices alone, as ``h.0.attn.c_attn.lora_A``, and with new
            rows as ``wte.rows``: what an optimizer updates and a checkpoint of the run holds.
    """

    def __init__(
        self, model: Decoder, config: LoRAConfig, *, seed: int = 0, n_new: int = 0
    ) -> None:
        if config.rank < 1:
            raise ConfigError(f"lora.rank is {config.rank}.", "Give 1 or more; 8 is usual.")
        gpt2_only(model.config, "LoRA", "Train the whole model: leave lora.rank out.")
        assert isinstance(model, GPT2)
        self.model, self.config = model, config
        self._bases = dict(_layers(model, config.targets))
        self._trained_before = [p for p in model.parameters() if p.requires_grad]
        for p in self._trained_before:
            p.requires_grad_(False)
        generator = torch.Generator().manual_seed(seed)
        self.layers = {
            name: LoRAConv1D(
                base,
                rank=config.rank,
                scale=config.alpha / config.rank,
                dropout=config.dropout,
                generator=generator,
            )
            for name, base in self._bases.items()
        }
        self._wte = model.wte
        self.grown = GrownEmbedding(model.wte, n_new) if n_new else None
        self._attach()
        self.trained = _tree(self.layers, self.grown)

    @property
    def n_trained(self) -> int:
        """How many numbers are trained."""
        return sum(p.numel() for p in self.trained.parameters())

    def __str__(self) -> str:
        """How much of the model is trained."""
        n_all = sum(p.numel() for p in self.model.parameters())
        config, share = self.config, 100 * self.n_trained / n_all
        n = 0 if self.grown is None else len(self.grown.rows)
        rows = f" and {n} new row{'s' * (n > 1)} of the vocabulary" if n else ""
        return (
            f"LoRA of rank {config.rank} on {', '.join(config.targets)}{rows}: "
            f"{self.n_trained:,} of {n_all:,} parameters are trained ({share:.2g} %)"
        )

    def digest_of_base(self) -> str:
        """The SHA-256 of all that is not trained, which the changes have a meaning beside."""
        digest = hashlib.sha256()
        for name, p in self.model.named_parameters():
            if not name.endswith(("lora_A", "lora_B", "wte.rows")):
                digest.update(name.encode())
                digest.update(raw_bytes(to_array(p)))
        return digest.hexdigest()

    @contextmanager
    def merged(self) -> Generator[GPT2]:
        """The model with all changes in its weights, and nothing beside them, while the block runs.

        Afterwards it is as it was, bit for bit: the weights of the base are kept aside.
        """
        self._put((name, _merged(layer)) for name, layer in self.layers.items())
        self._put_table()
        try:
            yield self.model
        finally:
            self._attach()

    @contextmanager
    def base(self) -> Generator[GPT2]:
        """The model that the changes belong to, while the block runs: new rows as they are now."""
        self._put(self._bases.items())
        self._put_table()
        try:
            yield self.model
        finally:
            self._attach()

    def detach(self) -> GPT2:
        """Takes the paths away; the model is the base again, bit for bit, and can be trained."""
        self._put(self._bases.items())
        self.model.wte = self._wte
        for p in self._trained_before:
            p.requires_grad_(True)
        return self.model

    def save(self, directory: Path, *, base: str | None = None) -> None:
        """Writes the changes in PEFT's layout, for :func:`cutaway.load`, PEFT and others.

        Args:
            directory: made if it does not exist.
            base: the name of the model that they belong to, for readers.

        Raises:
            ResourceError: if the disk is full; what was there stays.
        """
        matrices = {
            name: (to_array(layer.lora_A.float()), to_array(layer.lora_B.float()))
            for name, layer in self.layers.items()
        }
        config = self.config
        write_adapter(
            directory,
            matrices,
            rank=config.rank,
            alpha=config.alpha,
            dropout=config.dropout,
            targets=config.targets,
            base=base,
        )

    def _attach(self) -> None:
        self._put(self.layers.items())
        if self.grown is not None:
            # The model and all who read it ask for rows and for ``weight``, no more.
            self.model.wte = self.grown  # pyright: ignore[reportAttributeAccessIssue]

    def _put_table(self) -> None:
        """One table in the place of a grown one."""
        if self.grown is not None:
            self.model.wte = nn.Embedding.from_pretrained(self.grown.weight.detach())

    def _put(self, layers: Iterable[tuple[str, Conv1D]]) -> None:
        for name, layer in layers:
            parent, _, last = name.rpartition(".")
            layer.train(self.model.training)
            setattr(self.model.get_submodule(parent), last, layer)


def _layers(model: GPT2, targets: tuple[str, ...]) -> Iterator[tuple[str, Conv1D]]:
    for name, module in model.named_modules():
        match = re.fullmatch(r"h\.\d+\.(.+)", name)
        if match and match[1] in targets:
            if type(module) is not Conv1D:
                raise ConfigError(f"{name} is a {type(module).__name__}.", "Detach the LoRA first.")
            yield name, module


def _merged(layer: LoRAConv1D) -> Conv1D:
    """The same map as one matrix, made as the readers of adapters make it."""
    w, a, b = (to_array(part) for part in (layer.weight, layer.lora_A, layer.lora_B))
    plain = Conv1D(0, 0)
    weight = to_tensor(merged(w, a, b, layer.scale)).to(layer.weight)
    plain.weight, plain.bias = nn.Parameter(weight, requires_grad=False), layer.bias
    return plain


def _tree(layers: dict[str, LoRAConv1D], grown: GrownEmbedding | None) -> nn.Module:
    """The new matrices in empty modules, so that each has the name it has in the model."""
    root = nn.Module()
    for name, layer in layers.items():
        node = root
        for part in name.split("."):
            if part not in dict(node.named_children()):
                node.add_module(part, nn.Module())
            node = node.get_submodule(part)
        node.lora_A, node.lora_B = layer.lora_A, layer.lora_B
    if grown is not None:
        table = nn.Module()
        table.rows = grown.rows
        root.add_module("wte", table)
    return root
