"""States to save: of a model of a hundred numbers, after a step or so."""

import torch

from cutaway.models import GPT2, GPT2Config
from cutaway.training.optimizers import OptimizerConfig, build_optimizers
from cutaway.training.state import TrainingState

__all__ = ["equal", "fresh", "step", "trained"]

CONFIG = GPT2Config(vocab_size=11, n_ctx=4, n_embd=4, n_layer=1, n_head=2)


def fresh(seed: int = 0, kind: str = "muon") -> TrainingState:
    model = GPT2(CONFIG, seed=seed)
    optimizer = OptimizerConfig(kind=kind, lr=0.1)  # type: ignore[arg-type]
    return TrainingState(model, build_optimizers(model, optimizer))


def step(state: TrainingState) -> None:
    state.model(torch.tensor([[1, 2, 3]])).square().sum().backward()
    for optimizer in state.optimizers.values():
        optimizer.step()
        optimizer.zero_grad()


def trained() -> TrainingState:
    state = fresh()
    step(state)
    return state


def equal(a: TrainingState, b: TrainingState) -> bool:
    """Whether all weights and moments are, bit for bit."""
    mine, other = (s.model.state_dict() | s.optimizer_tensors() for s in (a, b))
    return mine.keys() == other.keys() and all(torch.equal(mine[k], other[k]) for k in mine)
