"""The model against the numpy GPT-2: every intermediate value, not only the logits."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.models import GPT2, PRESETS
from oracle.gpt2_numpy import gelu, gpt2, layer_norm, softmax
from taps import Keep

# Two float64 computations in different order: 1e-10 leaves five digits for the sums.
FLOAT64 = 1e-10
# float32 carries 6e-8 of relative error into each of the ~30 operations on the way to a logit.
FLOAT32 = 1e-5

IDS = [[3, 14, 15, 9, 26, 5, 35], [8, 9, 7, 9, 3, 2, 38]]


def expected(model: GPT2) -> dict[str, np.ndarray]:
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    rows = [gpt2(ids, weights, model.config.n_head) for ids in IDS]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def relative_error(actual: Tensor, wanted: np.ndarray) -> float:
    """The largest difference over the largest magnitude."""
    return float(np.abs(actual.double().numpy() - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, FLOAT64), (torch.float32, FLOAT32)]
)
def test_every_value_equals_the_oracle(
    tiny_model: GPT2, dtype: torch.dtype, tolerance: float
) -> None:
    model, seen = tiny_model.to(dtype), dict[str, Tensor]()
    with torch.no_grad():
        model(torch.tensor(IDS), tap=Keep(seen))
    wanted = expected(model)
    assert seen.keys() == wanted.keys()
    seen["wpe"] = seen["wpe"].expand(len(IDS), -1, -1)  # positions are the same in every row
    errors = {name: relative_error(value, wanted[name]) for name, value in seen.items()}
    assert {name: error for name, error in errors.items() if not error < tolerance} == {}


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, FLOAT64), (torch.float32, FLOAT32)]
)
def test_logits_of_fused_attention_equal_the_oracle(
    tiny_model: GPT2, dtype: torch.dtype, tolerance: float
) -> None:
    model = tiny_model.to(dtype)
    with torch.no_grad():
        logits = model(torch.tensor(IDS))
    assert relative_error(logits, expected(model)["logits"]) < tolerance


def test_half_precision_stays_near(tiny_model: GPT2) -> None:
    """bfloat16 keeps 8 bits of a value, float16 11: errors of a few per cent and per mille."""
    wanted = expected(tiny_model)["logits"]
    for dtype, tolerance in ((torch.bfloat16, 5e-2), (torch.float16, 5e-3)):
        model = GPT2(tiny_model.config).to(dtype)
        model.load_state_dict(tiny_model.state_dict())
        with torch.no_grad():
            logits = model(torch.tensor(IDS))
        assert logits.dtype == dtype
        assert relative_error(logits, wanted) < tolerance


@pytest.mark.slow
def test_the_small_model_at_its_real_size(enliven: Callable[[GPT2], GPT2]) -> None:
    """float32 at full width and depth, against the truth (1.5 GB of memory)."""
    with torch.device("meta"):
        model = GPT2(PRESETS["gpt2"])
    model = enliven(model.to_empty(device="cpu"))
    with torch.no_grad():
        logits = model(torch.tensor(IDS))
    assert relative_error(logits, expected(model)["logits"]) < FLOAT32


class TestTheOracleItself:
    """Hand-checked values, so that oracle and model cannot share a mistake unseen."""

    def test_gelu(self) -> None:
        np.testing.assert_allclose(
            gelu(np.array([0.0, 1.0, -1.0])), [0, 0.841192, -0.158808], atol=1e-6
        )

    def test_softmax_of_logarithms_is_proportion(self) -> None:
        np.testing.assert_allclose(softmax(np.log([1.0, 3.0, 4.0])), [0.125, 0.375, 0.5])

    def test_softmax_gives_a_masked_entry_nothing(self) -> None:
        np.testing.assert_array_equal(softmax(np.array([0.0, -np.inf])), [1.0, 0.0])

    def test_layer_norm_uses_the_biased_variance(self) -> None:
        x = layer_norm(np.array([[1.0, 3.0]]), np.array([2.0, 2.0]), np.array([5.0, 5.0]), 0.0)
        np.testing.assert_allclose(x, [[3.0, 7.0]])
