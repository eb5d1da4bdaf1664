"""The learning rate over a run."""

import pytest

from cutaway.errors import ConfigError
from cutaway.training.schedules import Schedule


def test_warm_up_rises_in_equal_steps_to_the_peak() -> None:
    schedule = Schedule(kind="constant", warmup_steps=4)
    assert [schedule.factor(s, steps=9) for s in range(6)] == [0.25, 0.5, 0.75, 1, 1, 1]


def test_cosine_passes_the_middle_half_way_down() -> None:
    schedule = Schedule(kind="cosine", warmup_steps=10, final=0.1)
    assert schedule.factor(10, steps=110) == pytest.approx(1.0)
    assert schedule.factor(60, steps=110) == pytest.approx(0.55)
    assert schedule.factor(109, steps=110) == pytest.approx(0.1, abs=1e-3)


def test_wsd_is_flat_until_its_decay_and_ends_above_zero() -> None:
    schedule = Schedule(kind="wsd", warmup_steps=5, decay_steps=20)
    factors = [schedule.factor(s, steps=100) for s in range(100)]
    assert factors[5:81] == [1.0] * 76
    assert factors[80:] == pytest.approx([left / 20 for left in range(20, 0, -1)])


def test_a_line_falls_in_equal_steps() -> None:
    schedule = Schedule(kind="linear", warmup_steps=2, final=0.5)
    assert [schedule.factor(s, steps=6) for s in range(6)] == [0.5, 1, 1, 0.875, 0.75, 0.625]


def test_inverse_root_halves_when_the_steps_are_four_times_as_many() -> None:
    schedule = Schedule(kind="inverse-root", warmup_steps=25)
    assert schedule.factor(24, steps=1000) == 1.0
    assert schedule.factor(99, steps=1000) == 0.5
    assert schedule.factor(399, steps=1000) == schedule.factor(399, steps=9000) == 0.25


def test_a_longer_run_shares_its_stable_part() -> None:
    schedule = Schedule(kind="wsd", warmup_steps=5, decay_steps=20)
    assert [schedule.factor(s, steps=100) for s in range(80)] == [
        schedule.factor(s, steps=500) for s in range(80)
    ]


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"kind": "linaer"}, "schedule.kind is 'linaer'"),
        ({"warmup_steps": -1}, "schedule.warmup_steps is -1"),
        ({"final": 1.5}, "schedule.final is 1.5"),
    ],
)
def test_impossible_values_are_named(fields: dict[str, object], named: str) -> None:
    with pytest.raises(ConfigError, match=named):
        Schedule(**fields)  # type: ignore[arg-type]
