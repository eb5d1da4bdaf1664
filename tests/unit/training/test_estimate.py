"""Memory told before a run: the parts add up, follow the sizes, and agree with a real process."""

from dataclasses import replace

import pytest
from benchmarks.training_memory import CASES, compare

from cutaway.models import PRESETS, parameter_table
from cutaway.training.estimate import RunShape, estimate_memory

GPT2 = RunShape(model=PRESETS["gpt2"], micro_batch=4, precision="bf16")


def parts(shape: RunShape) -> dict[str, int]:
    return dict(estimate_memory(shape).parts)


@pytest.mark.parametrize("name", PRESETS)
def test_parameters_are_those_of_the_model(name: str) -> None:
    shape = RunShape(model=PRESETS[name], micro_batch=1)
    assert shape.parameters == parameter_table(PRESETS[name]).total


def test_weights_gradients_and_moments_are_sixteen_bytes_each() -> None:
    found = parts(GPT2)
    held = found["weights"] + found["gradients"] + found["optimizer"]
    assert held == 16 * GPT2.parameters
    with_muon = parts(replace(GPT2, optimizer="muon"))
    assert with_muon["optimizer"] == 8 * GPT2.parameters - 4 * 12 * 12 * 768**2


def test_activations_grow_with_the_positions_and_shrink_when_computed_again() -> None:
    one, two = (parts(replace(GPT2, micro_batch=n))["activations"] for n in (2, 4))
    assert two == 2 * one
    assert parts(replace(GPT2, context=512))["activations"] == one
    assert parts(replace(GPT2, precision="fp32"))["activations"] > 1.6 * two
    assert parts(replace(GPT2, recompute=True))["activations"] < two / 4
    assert parts(replace(GPT2, document_mask=True))["activations"] > two


def test_dropout_in_attention_keeps_patterns_unless_it_is_done_inside() -> None:
    plain = parts(GPT2)["activations"]
    shape = replace(GPT2, model=replace(PRESETS["gpt2"], dropout=0.1))
    assert parts(shape)["activations"] > 2 * plain
    inside = parts(replace(shape, drops_inside=True))
    assert plain < inside["activations"] < 1.2 * plain
    assert inside == parts(replace(shape, device="cuda")) | {
        name: inside[name] for name in ("fragments", "process", "loss")
    }


def test_shares_are_shares_and_copies_are_copies() -> None:
    alone = parts(GPT2)
    ddp = parts(replace(GPT2, processes=4))
    assert ddp == alone  # its buckets are the gradients themselves
    fsdp = parts(replace(GPT2, processes=4, parallel="fsdp"))
    for name in ("weights", "gradients", "optimizer"):
        assert fsdp[name] == alone[name] / 4
    assert estimate_memory(replace(GPT2, processes=4, parallel="fsdp")).total < sum(ddp.values())
    assert parts(replace(GPT2, parallel="fsdp")) == alone  # one process has nobody to share with


def test_an_adapter_has_few_gradients() -> None:
    found = parts(replace(GPT2, trained=300_000))
    assert found["gradients"] == 1_200_000
    assert found["optimizer"] == 2_400_000
    assert found["weights"] == parts(GPT2)["weights"]


def test_what_is_to_come_is_all_but_the_process() -> None:
    estimate = estimate_memory(GPT2)
    assert estimate.total - estimate.to_come == estimate.parts["process"]
    assert str(estimate).startswith("weights 0.50, optimizer 1.00, gradients 0.50, activations ")


FAST = ["narrow fp32"]
SLOW = [pytest.param(case, marks=pytest.mark.slow) for case in CASES if case not in FAST]


@pytest.mark.parametrize("case", [*FAST, *SLOW])
def test_a_real_run_takes_what_was_estimated(case: str) -> None:
    """Its peak, of a process of its own, within 15 %."""
    found = compare(case)
    assert 0.85 < found["ratio"] < 1.15, found
