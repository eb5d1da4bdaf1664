"""The modern decoder against its numpy double: every intermediate value, not only the logits."""

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.models import Modern
from oracle.modern_numpy import modern, rms_norm, turned
from taps import Keep

# As for GPT-2: two float64 computations in different order; float32 carries 6e-8 an operation.
TOLERANCES = {torch.float64: 1e-10, torch.float32: 1e-5}
IDS = [[3, 14, 15, 9, 26, 5, 35], [8, 9, 7, 9, 3, 2, 38]]


def expected(model: Modern) -> dict[str, np.ndarray]:
    weights = {name: tensor.numpy() for name, tensor in model.state_dict().items()}
    config = model.config
    rows = [modern(ids, weights, config.n_head, config.rotary_base) for ids in IDS]
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def relative_error(actual: Tensor, wanted: np.ndarray) -> float:
    return float(np.abs(actual.double().numpy() - wanted).max() / np.abs(wanted).max())


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_every_value_equals_the_oracle(tiny_modern: Modern, dtype: torch.dtype) -> None:
    model, seen = tiny_modern.to(dtype), dict[str, Tensor]()
    with torch.no_grad():
        model(torch.tensor(IDS), tap=Keep(seen))
        fused = model(torch.tensor(IDS))
    wanted = expected(model)
    assert seen.keys() == wanted.keys()
    errors = {name: relative_error(value, wanted[name]) for name, value in seen.items()}
    errors["fused"] = relative_error(fused, wanted["logits"])
    assert {name: e for name, e in errors.items() if not e < TOLERANCES[dtype]} == {}


class TestTheOracleItself:
    """Hand-checked values, so that oracle and model cannot share a mistake unseen."""

    def test_a_norm_of_mean_square_12_and_a_half(self) -> None:
        np.testing.assert_allclose(rms_norm(np.array([3.0, 4.0])), [0.848528, 1.131371], atol=1e-6)

    def test_the_first_pair_turns_by_a_radian_a_position(self) -> None:
        x = turned(np.array([[1.0, 0.0, 0.0, 0.0]] * 2), np.array([0, 1]), 100.0)
        np.testing.assert_allclose(x, [[1, 0, 0, 0], [0.540302, 0, 0.841471, 0]], atol=1e-6)

    def test_the_second_of_two_pairs_turns_by_a_tenth(self) -> None:
        x = turned(np.array([[0.0, 1.0, 0.0, 0.0]]), np.array([1]), 100.0)
        np.testing.assert_allclose(x, [[0, 0.995004, 0, 0.099833]], atol=1e-6)
