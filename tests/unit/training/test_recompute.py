"""Blocks computed again in the backward pass: the same step, bit for bit, with less in memory."""

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd.graph import saved_tensors_hooks

from cutaway.data import Windows
from cutaway.models import GPT2, GPT2Config
from cutaway.training.batches import Batches
from cutaway.training.loop import Loop
from cutaway.training.objectives import TokenBatch, causal_lm
from cutaway.training.recipe import LoopConfig, Recipe
from cutaway.training.recompute import recomputed

CONFIG = GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5, dropout=0.1)


def rows() -> Tensor:
    return torch.randint(61, (2, 25), generator=torch.Generator().manual_seed(1))


def step(*, again: bool, kind: torch.dtype | None) -> tuple[Tensor, list[Tensor | None], Tensor]:
    """Loss, gradients, and the random draw that comes next."""
    model = GPT2(CONFIG).train()
    torch.manual_seed(5)
    with (
        recomputed(model.h, enabled=again),
        torch.autocast("cpu", kind or torch.bfloat16, enabled=kind is not None),
    ):
        loss = causal_lm(model, TokenBatch.of_windows(rows()))
        loss.backward()
    return loss.detach(), [p.grad for p in model.parameters()], torch.rand(3)


@pytest.mark.parametrize("kind", [None, torch.bfloat16, torch.float16])
def test_loss_gradients_and_random_draws_are_the_same(kind: torch.dtype | None) -> None:
    plain, again = step(again=False, kind=kind), step(again=True, kind=kind)
    assert torch.equal(plain[0], again[0])
    assert torch.equal(plain[2], again[2])
    for before, after in zip(plain[1], again[1], strict=True):
        assert before is not None
        assert after is not None
        assert torch.equal(before, after)


def kept_bytes(*, again: bool, n_layer: int) -> int:
    """Of all tensors that the graph keeps for the backward pass."""
    model, kept = GPT2(replace(CONFIG, n_layer=n_layer)).train(), dict[int, int]()

    def keep(x: Tensor) -> Tensor:
        if not isinstance(x, torch.nn.Parameter):
            kept[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with recomputed(model.h, enabled=again), saved_tensors_hooks(keep, lambda x: x):
        loss = causal_lm(model, TokenBatch.of_windows(rows()))
    del loss
    return sum(kept.values())


def test_a_block_costs_a_tenth_of_the_memory() -> None:
    block = {again: kept_bytes(again=again, n_layer=5) - kept_bytes(again=again, n_layer=4)
             for again in (False, True)}  # fmt: skip
    assert block[True] <= 2 * rows()[:, 1:].numel() * CONFIG.n_embd * 4  # its input, its dropout
    assert block[True] < block[False] / 10


def test_names_and_classes_stay_and_blocks_are_as_before() -> None:
    model = GPT2(CONFIG)
    names = list(model.state_dict())
    with recomputed(model.h):
        assert list(model.state_dict()) == names
    assert all("forward" not in vars(block) for block in model.h)
    with pytest.raises(ZeroDivisionError), recomputed(model.h):
        raise ZeroDivisionError
    assert all("forward" not in vars(block) for block in model.h)


@torch.no_grad()
def test_a_pass_without_gradients_is_as_before() -> None:
    model = GPT2(CONFIG).eval()
    tokens = rows()[:, :-1]
    cache = model.new_cache(batch=2)
    expected = model(tokens)
    with recomputed(model.h):
        assert torch.equal(model(tokens), expected)
        model(tokens, cache=cache)
    assert max(cache.lengths) == tokens.shape[1]


def test_the_compiler_takes_it() -> None:
    """In a process of its own: type checks of shapes and compiled code do not go together."""
    program = """
import torch
from cutaway.models import GPT2, GPT2Config
from cutaway.training.objectives import TokenBatch, causal_lm
from cutaway.training.recompute import recomputed
rows = torch.randint(61, (2, 9), generator=torch.Generator().manual_seed(1))
rows = TokenBatch.of_windows(rows)
run, grads = torch.compile(causal_lm, backend="aot_eager"), []
for again in (False, True):
    model = GPT2(GPT2Config(vocab_size=61, n_ctx=8, n_embd=20, n_layer=2, n_head=5))
    with recomputed(model.h, enabled=again):
        run(model, rows).backward()
    grads.append([p.grad for p in model.parameters()])
assert all(map(torch.equal, *grads))
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_a_run_with_it_has_the_same_losses(tmp_path: Path) -> None:
    windows = Windows(np.arange(999, dtype=np.uint16) % 61, length=CONFIG.n_ctx + 1, seed=0)
    logs: list[list[float]] = []
    for again in (False, True):
        directory = tmp_path / str(again)
        directory.mkdir()
        recipe = Recipe(
            model=CONFIG,
            training=LoopConfig(steps=4, batch_size=2, micro_batch_size=1, recompute=again),
        )
        batches = Batches(recipe, windows)
        Loop(GPT2(CONFIG), recipe, batches=batches, valid=None, directory=directory).run()
        entries = map(json.loads, (directory / "log.jsonl").read_text().splitlines())
        logs.append([entry["loss"] for entry in entries if "loss" in entry])
    assert len(logs[0]) == 4
    assert logs[0] == logs[1]
