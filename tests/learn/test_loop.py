"""The loop learns, stops and goes on: on a toy, from scratch."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cutaway.data import Windows
from cutaway.errors import ConfigError, Interrupted, TrainingDiverged
from cutaway.models import GPT2, GPT2Config
from cutaway.training.batches import Batches
from cutaway.training.cross_entropy import IGNORED
from cutaway.training.loop import Loop
from cutaway.training.objectives import Objective, TokenBatch, causal_lm
from cutaway.training.optimizers import OptimizerConfig
from cutaway.training.recipe import (
    CheckpointConfig,
    DataConfig,
    Growth,
    LoopConfig,
    Recipe,
    Source,
    ValidationConfig,
)
from cutaway.training.schedules import Schedule
from cutaway.training.signals import StopRequest
from toy_runs import losses

RECIPE = Recipe(
    seed=5,
    model=GPT2Config(vocab_size=17, n_ctx=16, n_embd=16, n_layer=2, n_head=2, dropout=0.1),
    optimizer=OptimizerConfig(kind="muon", lr=1e-2, muon_lr=1e-2),
    schedule=Schedule(kind="wsd", warmup_steps=3, decay_steps=4),
    training=LoopConfig(steps=12, batch_size=4, micro_batch_size=2),
    checkpoints=CheckpointConfig(every=3),
)


def toy_tokens() -> np.ndarray:
    """Each token follows from the one before it: 3x + 1 mod 17, with a jump now and then."""
    rng = np.random.default_rng(0)
    tokens = [1]
    while len(tokens) < 3000:
        tokens.append(int(rng.integers(17)) if rng.random() < 0.05 else (3 * tokens[-1] + 1) % 17)
    return np.array(tokens, dtype=np.uint16)


def loop(
    directory: Path,
    recipe: Recipe = RECIPE,
    *,
    valid: bool = False,
    objective: Objective = causal_lm,
) -> Loop:
    directory.mkdir(exist_ok=True)
    windows = Windows(toy_tokens(), length=recipe.model.n_ctx + 1, seed=recipe.seed)
    final = Windows(16 - toy_tokens(), length=recipe.model.n_ctx + 1, seed=recipe.seed)
    batches = Batches(recipe, windows, final if recipe.data.final else None)
    return Loop(
        GPT2(recipe.model, seed=recipe.seed),
        recipe,
        batches=batches,
        valid=batches.looks(windows, recipe.validation.windows) if valid else None,
        directory=directory,
        objective=objective,
    )


def with_training(**changes: object) -> Recipe:
    return replace(RECIPE, training=replace(RECIPE.training, **changes))  # type: ignore[arg-type]


def with_an_end(n: int, **changes: object) -> Recipe:
    """The last ``n`` steps learn from another text."""
    recipe = with_training(**changes)
    return replace(
        recipe,
        data=DataConfig(final=(Source(file="other"),)),
        training=replace(recipe.training, final_steps=n),
    )


class StopAfter(StopRequest):
    """Asks to stop once it has been looked at ``n`` times: once for each step."""

    def __init__(self, n: int) -> None:
        self.left = n

    @property
    def is_set(self) -> bool:  # type: ignore[override]
        self.left -= 1
        return self.left <= 0


@pytest.mark.parametrize("kind", ["adamw", "muon"])
def test_the_loop_learns_the_rule_of_a_toy_corpus(tmp_path: Path, kind: str) -> None:
    recipe = replace(
        with_training(steps=150, batch_size=8, micro_batch_size=8),
        optimizer=replace(RECIPE.optimizer, kind=kind),
        model=replace(RECIPE.model, dropout=0.0),
    )
    loss = loop(tmp_path, recipe, valid=True).run()
    # Knowing the rule costs H(0.05) + 0.05 ln 17 = 0.34 nats; knowing nothing costs ln 17 = 2.83.
    assert losses(tmp_path)[0] == pytest.approx(math.log(17), abs=0.1)
    assert loss is not None
    assert loss < 0.5


@pytest.mark.parametrize("precision", ["fp32", "bf16", "fp16"])
def test_a_run_that_stops_goes_on_bit_for_bit(tmp_path: Path, precision: str) -> None:
    """Stopped between two checkpoints and after one; with dropout, so the random state counts."""
    recipe = with_training(precision=precision)
    loop(tmp_path / "whole", recipe).run()
    for n in (4, 5):
        with pytest.raises(Interrupted):
            loop(tmp_path / "parts", recipe).run(StopAfter(n))
    rest = loop(tmp_path / "parts", recipe)
    rest.run()
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    assert len(losses(tmp_path / "parts")) == recipe.training.steps


def test_the_last_steps_learn_from_the_final_text(tmp_path: Path) -> None:
    """The same windows as ever up to there; then a text in which 2x - 15 follows x, not 3x + 1."""
    recipe = with_an_end(5, short_window=8, short_steps=9)
    run = loop(tmp_path, recipe)
    for step, is_final in [(6, False), (7, True), (8, True), (9, True), (11, True)]:
        batch = run.batches.of(step)
        assert batch.tokens.shape == ((8, 8) if step < 9 else (4, 16))
        before, after = batch.tokens, batch.targets
        by_rule = (
            (16 - after == (3 * (16 - before) + 1) % 17)
            if is_final
            else (after == (3 * before + 1) % 17)
        )
        assert by_rule.float().mean() > 0.85


def test_a_run_may_get_a_final_text_while_it_goes_on(tmp_path: Path) -> None:
    recipe = with_an_end(5)
    loop(tmp_path / "whole", recipe).run()
    with pytest.raises(Interrupted):
        loop(tmp_path / "parts").run(StopAfter(6))
    with pytest.raises(Interrupted):
        loop(tmp_path / "parts", recipe).run(StopAfter(4))
    loop(tmp_path / "parts", recipe).run()
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    other = replace(recipe, data=DataConfig(final=(Source(file="third"),)))
    with pytest.raises(ConfigError, match="was made with data"):
        loop(tmp_path / "parts", other).run()


def test_a_killed_run_repeats_only_what_was_not_saved(tmp_path: Path) -> None:
    loop(tmp_path / "whole").run()
    stopped = loop(tmp_path / "parts")
    with pytest.raises(Interrupted):
        stopped.run(StopAfter(8))
    # As if killed after step 8: its checkpoint is not there, the journal is.
    (newest := stopped.checkpoints.alone.newest()) is not None and (
        newest / "manifest.json"
    ).unlink()  # type: ignore[union-attr]
    assert stopped.checkpoints.alone.newest().name == "step-00000006"  # type: ignore[union-attr]
    loop(tmp_path / "parts").run()
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_accumulation_is_the_gradient_of_one_large_batch() -> None:
    model = GPT2(replace(RECIPE.model, dropout=0.0), seed=1).double()
    rows = torch.from_numpy(toy_tokens()[:136].astype(np.int64)).view(8, 17)
    batch = TokenBatch(rows[:, :-1], rows[:, 1:].clone())
    batch.targets[:3, 2:9] = IGNORED
    (causal_lm(model, batch) / batch.n_targets).backward()
    whole = {name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None}
    model.zero_grad()
    for part in batch.split(3):
        (causal_lm(model, part) / batch.n_targets).backward()
    for name, p in model.named_parameters():
        torch.testing.assert_close(p.grad, whole[name], rtol=0, atol=1e-7)


def test_a_loss_that_is_not_finite_stops_before_the_update(tmp_path: Path) -> None:
    broken = loop(tmp_path)
    with torch.no_grad():
        broken.model.h[1].mlp.c_fc.bias[0] = float("nan")  # type: ignore[index,union-attr]
    before = broken.model.wte.weight.detach().clone()
    with pytest.raises(
        TrainingDiverged, match=r"Step 1: loss nan.*first in the weight h\.1\.mlp\.c_fc\.bias"
    ):
        broken.run()
    assert torch.equal(broken.model.wte.weight, before)
    assert broken.checkpoints.alone.newest() is None


def test_another_recipe_does_not_go_on_with_this_run(tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        loop(tmp_path).run(StopAfter(4))
    other = replace(RECIPE, seed=6)
    with pytest.raises(ConfigError, match="seed = 5, not 6"):
        loop(tmp_path, other).run()
    longer = with_training(steps=14)
    loop(tmp_path, longer).run()
    assert len(losses(tmp_path)) == 14


@pytest.mark.parametrize(("width", "expected"), [(16, [2] * 6), (9, [2] * 6), (5, [6, 6])])
def test_rows_shorter_than_the_context_go_through_in_greater_numbers(
    tmp_path: Path, width: int, expected: list[int]
) -> None:
    """No portion has more positions than two rows of 16."""
    toy = loop(tmp_path, with_training(micro_batch_size=2))
    batch = TokenBatch(torch.zeros(12, width, dtype=torch.long), torch.zeros(12, width).long())
    assert [part.n_rows for part in toy._portions(batch)] == expected


def test_short_windows_come_first_and_hold_as_many_tokens(tmp_path: Path) -> None:
    recipe = with_training(short_window=4, short_steps=5, steps=8)
    toy = loop(tmp_path / "whole", recipe)
    shapes = [tuple(toy.batches.of(step).tokens.shape) for step in (0, 4, 5)]
    assert shapes == [(16, 4), (16, 4), (4, 16)]
    portions = [[part.n_rows for part in toy._portions(toy.batches.of(step))] for step in (4, 5)]
    assert portions == [[8, 8], [2, 2]]  # as many positions at once
    toy.run()
    for n in (3, 4):  # once among the short ones, once among the long ones
        with pytest.raises(Interrupted):
            loop(tmp_path / "parts", recipe).run(StopAfter(n))
    loop(tmp_path / "parts", recipe).run()
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_the_process_is_left_as_it_was(tmp_path: Path) -> None:
    before = torch.get_rng_state()
    loop(tmp_path).run()
    assert torch.equal(torch.get_rng_state(), before)
    assert 5e-324 * 1.0 > 0.0  # denormal numbers are numbers again


def test_old_checkpoints_are_removed(tmp_path: Path) -> None:
    finished = loop(tmp_path)
    finished.run()
    names = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert names == ["step-00000009", "step-00000012"]


def test_a_batch_that_grows_goes_on_in_the_text(tmp_path: Path) -> None:
    """No window is left out or dealt twice where the size changes; and it can be stopped there."""
    growth = (Growth(step=3, batch_size=6), Growth(step=7, batch_size=8))
    recipe = with_training(steps=10, batch_growth=growth)
    toy = loop(tmp_path / "whole", recipe)
    batches = [toy.batches.of(step).tokens for step in range(10)]
    assert [len(tokens) for tokens in batches] == [4, 4, 4, 6, 6, 6, 6, 8, 8, 8]
    windows = Windows(toy_tokens(), length=17, seed=recipe.seed)
    dealt = windows.batch(first=0, size=sum(map(len, batches)))[:, :-1]
    assert np.array_equal(torch.cat(batches).numpy(), dealt)
    toy.run()
    with pytest.raises(Interrupted):
        loop(tmp_path / "parts", recipe).run(StopAfter(5))
    loop(tmp_path / "parts", recipe).run()
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")


def test_without_progress_the_run_ends_with_its_best_model(tmp_path: Path) -> None:
    """A rate at which the toy is soon unlearnt; stopped on the way, it ends in the same way."""
    recipe = replace(
        with_training(steps=200, batch_size=8, micro_batch_size=8),
        optimizer=OptimizerConfig(kind="adamw", lr=0.5),
        schedule=Schedule(kind="linear", warmup_steps=100),
        validation=ValidationConfig(every=2, patience=3, keep_best=True),
        checkpoints=CheckpointConfig(every=5, keep=1),
    )
    whole = loop(tmp_path / "whole", recipe, valid=True)
    loss = whole.run()
    ended = len(losses(tmp_path / "whole"))
    assert ended == whole.looks.best_step + 2 * 3
    assert '"early_end_best_step": ' in (tmp_path / "whole" / "log.jsonl").read_text()
    assert ended < 100
    assert loss == whole.looks.best_loss
    assert whole._look(ended, whole.valid) == loss  # type: ignore[arg-type]
    with pytest.raises(Interrupted):
        loop(tmp_path / "parts", recipe, valid=True).run(StopAfter(ended - 2))
    parts = loop(tmp_path / "parts", recipe, valid=True)
    assert parts.run() == loss
    assert losses(tmp_path / "parts") == losses(tmp_path / "whole")
    again = loop(tmp_path / "parts", recipe, valid=True)
    assert again.run() == loss
    assert len(losses(tmp_path / "parts")) == ended


def test_a_step_that_is_not_finite_may_be_left_out(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """One batch in the run breaks the loss: it is named, kept, and nothing is learnt from it."""
    recipe = with_training(max_skipped=1)
    bad = loop(tmp_path, recipe).batches.of(6).split(2)[1].tokens  # type: ignore[attr-defined]

    def breaks(model: GPT2, batch: TokenBatch) -> torch.Tensor:
        loss = causal_lm(model, batch)
        return loss * torch.inf if torch.equal(batch.tokens, bad) else loss

    loop(tmp_path, recipe, objective=breaks).run()
    assert "Step 7: loss inf" in caplog.text
    assert "first in the loss, in micro-batch 2 of 2" in caplog.text
    with np.load(tmp_path / "not-finite" / "step-00000007.npz") as kept:
        assert np.array_equal(kept["tokens"][2:], bad)
    assert len(losses(tmp_path)) == 12


def test_a_layer_that_overflows_is_named(tmp_path: Path) -> None:
    broken = loop(tmp_path)
    with torch.no_grad():
        broken.model.h[1].mlp.c_fc.bias[0] = 3e38  # type: ignore[index,union-attr]
        broken.model.h[1].mlp.c_proj.weight[0] = 100.0  # type: ignore[index,union-attr]
    with pytest.raises(
        TrainingDiverged, match=r"first in h\.1\.mlp\.c_proj, in micro-batch 1 of 2"
    ):
        broken.run()


def test_a_gradient_that_overflows_is_named(tmp_path: Path) -> None:
    broken = loop(tmp_path)
    broken.model.ln_f.weight.register_hook(lambda grad: grad * torch.inf)  # type: ignore[union-attr]
    with pytest.raises(TrainingDiverged, match=r"first in the gradient of ln_f\.weight"):
        broken.run()
