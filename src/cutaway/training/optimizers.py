"""Which parameters are updated by what rule."""

from dataclasses import dataclass
from typing import Any, Literal

import torch.distributed as dist
from torch import nn
from torch.optim import AdamW, Optimizer

from cutaway.errors import ConfigError
from cutaway.training.muon import Muon

__all__ = ["OptimizerConfig", "build_optimizers", "set_rate"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OptimizerConfig:
    """The update rule.

    Attributes:
        kind: ``adamw`` for everything; or ``muon`` for the matrices inside the blocks, with AdamW
            for embeddings, biases and gains (Jordan et al. 2024).
        lr: peak learning rate.
        muon_lr: peak rate of Muon, scaled to AdamW's root mean square (Liu et al. 2025, 2.2).
        beta1: AdamW's decay of the first moment.
        beta2: AdamW's decay of the second moment.
        weight_decay: on matrices and embeddings, never on biases and gains.
        clip: largest global norm of the gradient; 0 for no limit.
    """

    kind: Literal["adamw", "muon"] = "adamw"
    lr: float = 6e-4
    muon_lr: float = 6e-4
    beta1: float = 0.9
    beta2: float = 0.95
    weight_decay: float = 0.1
    clip: float = 1.0

    def __post_init__(self) -> None:
        if self.kind not in ("adamw", "muon"):
            raise ConfigError(f"optimizer.kind is {self.kind!r}.", "Known: adamw, muon.")
        for field in ("lr", "muon_lr", "weight_decay", "clip"):
            if not 0.0 <= getattr(self, field) < float("inf"):
                raise ConfigError(
                    f"optimizer.{field} is {getattr(self, field)}.", "Give 0 or more."
                )
        for field in ("beta1", "beta2"):
            if not 0.0 <= getattr(self, field) < 1.0:
                raise ConfigError(f"optimizer.{field} is {getattr(self, field)}.", "Use [0, 1).")


def build_optimizers(
    model: nn.Module, config: OptimizerConfig, *, replicas: dist.ProcessGroup | None = None
) -> dict[str, Optimizer]:
    """One optimizer for each rule, by name; every parameter is in exactly one group.

    Each group keeps its peak rate under ``peak_lr``, for :func:`set_rate`.

    Args:
        model: whose parameters are trained.
        config: the rule.
        replicas: the processes that hold the same model, to share the work on its matrices.
    """
    named = list(model.named_parameters())
    vectors = [p for _, p in named if p.ndim < 2]
    is_hidden = {name: p.ndim == 2 and name.startswith(("h.", "encoder.")) for name, p in named}
    by_muon = [p for name, p in named if is_hidden[name] and config.kind == "muon"]
    decayed = [p for name, p in named if p.ndim >= 2 and not (by_muon and is_hidden[name])]
    groups: list[dict[str, Any]] = [
        {"params": decayed, "weight_decay": config.weight_decay},
        {"params": vectors, "weight_decay": 0.0},
    ]
    optimizers: dict[str, Optimizer] = {
        "adamw": AdamW(groups, lr=config.lr, betas=(config.beta1, config.beta2), fused=True)
    }
    if by_muon:
        optimizers["muon"] = Muon(
            by_muon, lr=config.muon_lr, weight_decay=config.weight_decay, group=replicas
        )
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["peak_lr"] = group["lr"]
    return optimizers


def set_rate(optimizers: dict[str, Optimizer], factor: float) -> None:
    """Sets every group's learning rate to ``factor`` times its peak."""
    for optimizer in optimizers.values():
        for group in optimizer.param_groups:
            group["lr"] = factor * group["peak_lr"]
