"""A run that does not fit is refused before it begins, with changes that do make it fit."""

import re
from dataclasses import replace

import pytest

from cutaway.errors import ResourceError
from cutaway.models import PRESETS
from cutaway.training.budget import changes_that_fit, check_run
from cutaway.training.estimate import RunShape, estimate_memory

SHAPE = RunShape(model=PRESETS["gpt2"], micro_batch=8)
BATCHES = [48, 96]


def with_settings(shape: RunShape, settings: tuple[str, ...]) -> RunShape:
    """The shape that somebody has who follows the advice."""
    for setting in settings:
        if found := re.fullmatch(r"parallel\.kind=fsdp on (\d+) \w+", setting):
            shape = replace(shape, parallel="fsdp", processes=int(found[1]))
        elif found := re.fullmatch(r"training\.micro_batch_size=(\d+)", setting):
            shape = replace(shape, micro_batch=int(found[1]))
        elif setting == "training.recompute=true":
            shape = replace(shape, recompute=True)
        else:
            assert setting == "training.precision=bf16"
            shape = replace(shape, precision="bf16")
    return shape


def test_enough_memory_is_no_problem() -> None:
    need = estimate_memory(SHAPE).to_come
    assert check_run(SHAPE, BATCHES, need).to_come == need
    check_run(SHAPE, BATCHES, None)
    with pytest.raises(ResourceError):
        check_run(SHAPE, BATCHES, need - 1)
    with pytest.raises(ResourceError, match="in each of 2 processes"):
        check_run(SHAPE, BATCHES, 2 * need - 1, together=2)


@pytest.mark.parametrize("gigabytes", [0.5, 1, 1.5, 2, 2.5, 3, 4, 6, 8])
@pytest.mark.parametrize("name", ["gpt2", "gpt2-medium", "gpt2-xl"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_every_suggestion_fits(gigabytes: float, name: str, precision: str) -> None:
    shape = replace(SHAPE, model=PRESETS[name], precision=precision)
    available = int(gigabytes * 1e9)
    for change in changes_that_fit(shape, BATCHES, available):
        changed = with_settings(shape, change.settings)
        assert estimate_memory(changed).to_come <= available
        assert change.estimate.to_come >= estimate_memory(changed).to_come
        assert all(batch % changed.micro_batch == 0 for batch in BATCHES)


def test_the_smallest_change_comes_first() -> None:
    changes = changes_that_fit(SHAPE, BATCHES, 4_700_000_000)
    assert [change.settings for change in changes] == [
        ("training.micro_batch_size=2",),
        ("training.recompute=true",),
    ]
    [first, *_] = changes_that_fit(SHAPE, BATCHES, 3_000_000_000)
    assert len(first.settings) > 1
    [only] = changes_that_fit(
        replace(SHAPE, model=PRESETS["gpt2-xl"], device="cuda"), BATCHES, 16_000_000_000
    )
    assert only.settings[0] == "parallel.kind=fsdp on 2 GPUs"
    assert not changes_that_fit(SHAPE, BATCHES, 100_000_000)


def test_the_error_names_parts_and_the_way_out() -> None:
    with pytest.raises(ResourceError) as caught:
        check_run(SHAPE, BATCHES, 4_700_000_000)
    assert caught.value.exit_code == 5
    assert re.search(r"needs \d+\.\d GB of memory \(weights 0\.50, optimizer", caught.value.what)
    assert "4.7 GB are free" in caught.value.what
    assert caught.value.hint.startswith("What fits: training.micro_batch_size=2 (")
    with pytest.raises(ResourceError) as caught:
        check_run(SHAPE, BATCHES, 1000)
    assert caught.value.hint == "What fits: a smaller model."
