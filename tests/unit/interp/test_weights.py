"""Pooled parameters against loops over their cells, and laws that hold for any matrix."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from cutaway.errors import ConfigError
from cutaway.interp.weights import pool_weights, read_weights
from cutaway.models import GPT2

NAMES = ["wte.weight", "wpe.weight", "h.1.attn.c_attn.weight", "h.2.mlp.c_proj.bias", "ln_f.weight"]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("pool", [1, 7, 64])
def test_cells_against_loops(tiny_model: GPT2, name: str, pool: int) -> None:
    stored = tiny_model.state_dict()[name].double().numpy()
    w = np.atleast_2d(stored)
    seen = pool_weights(tiny_model, name, pool=pool, bins=9)
    assert seen.shape == stored.shape
    assert seen.mean.shape == seen.max_abs.shape == (min(w.shape[0], pool), min(w.shape[1], pool))
    rows = list(zip(seen.row_edges, seen.row_edges[1:], strict=False))
    cols = list(zip(seen.col_edges, seen.col_edges[1:], strict=False))
    for i, (top, bottom) in enumerate(rows):
        for j, (left, right) in enumerate(cols):
            cell = w[top:bottom, left:right]
            assert float(seen.mean[i, j]) == pytest.approx(cell.mean(), rel=1e-5, abs=1e-7)
            assert float(seen.max_abs[i, j]) == pytest.approx(np.abs(cell).max())
    counts, edges = np.histogram(w, bins=9, range=(w.min(), w.max()))
    assert seen.counts.tolist() == counts.tolist()
    np.testing.assert_allclose(seen.bin_edges, edges, rtol=1e-6)
    assert (seen.min, seen.max) == (w.min(), w.max())
    assert seen.total_mean == pytest.approx(w.mean())
    assert seen.std == pytest.approx(w.std())
    assert seen.norm == pytest.approx(np.linalg.norm(w))


class OneMatrix(nn.Module):
    def __init__(self, matrix: torch.Tensor) -> None:
        super().__init__()
        self.w = nn.Parameter(matrix)


@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 40),
    pool=st.integers(1, 50),
    bins=st.integers(1, 20),
    scale=st.sampled_from([0.0, 1e-6, 1.0, 1e4]),
)
def test_every_value_is_in_one_cell_and_one_bin(
    rows: int, cols: int, pool: int, bins: int, scale: float
) -> None:
    w = torch.randn(rows, cols, generator=torch.Generator().manual_seed(rows * 41 + cols)) * scale
    seen = pool_weights(OneMatrix(w), "w", pool=pool, bins=bins)  # type: ignore[arg-type]
    assert int(seen.counts.sum()) == rows * cols
    assert (seen.row_edges[0], seen.row_edges[-1]) == (0, rows)
    sizes = torch.outer(torch.tensor(seen.row_edges).diff(), torch.tensor(seen.col_edges).diff())
    assert int(sizes.sum()) == rows * cols
    assert sizes.min() >= 1
    assert max(np.ptp(np.diff(edges)) for edges in (seen.row_edges, seen.col_edges)) <= 1
    total = float((seen.mean.double() * sizes).sum())
    assert total == pytest.approx(float(w.double().sum()), rel=1e-4, abs=1e-5 * scale * rows * cols)
    assert float(seen.max_abs.max()) == float(w.abs().max())


def test_parts_of_a_large_matrix_change_nothing(
    tiny_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = pool_weights(tiny_model, "wte.weight")
    monkeypatch.setattr("cutaway.interp.weights._CELLS", 100)
    part = pool_weights(tiny_model, "wte.weight")
    assert torch.equal(part.counts, whole.counts)
    assert part.std == pytest.approx(whole.std)


def test_cells_are_read_exactly(tiny_model: GPT2) -> None:
    w = tiny_model.h[1].attn.c_attn.weight.detach()
    assert torch.equal(read_weights(tiny_model, "h.1.attn.c_attn.weight"), w)
    part = read_weights(
        tiny_model, "h.1.attn.c_attn.weight", rows=slice(3, 5), cols=slice(10, 60, 7)
    )
    assert torch.equal(part, w[3:5, 10:60:7])
    bias = read_weights(tiny_model, "h.1.attn.c_attn.bias", cols=slice(0, 4))
    assert torch.equal(bias, tiny_model.h[1].attn.c_attn.bias.detach()[None, :4])


def test_half_precision_is_read_without_loss(tiny_model: GPT2) -> None:
    half = tiny_model.half()
    w = half.wte.weight.detach()
    assert torch.equal(read_weights(half, "wte.weight"), w.float())
    assert pool_weights(half, "wte.weight").mean.dtype == torch.float32


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "h.3.attn.c_attn.weight"}, r"No parameter is called 'h.3.attn.c_attn.weight'"),
        ({"name": "wte.wieght"}, r"Did you mean 'wte.weight'"),
        ({"pool": 0}, r"pool is 0.\nIt must be a whole number from 1 to 1024."),
        ({"bins": 1025}, r"bins is 1025."),
    ],
)
def test_what_is_not_there_is_refused(tiny_model: GPT2, asked: dict, message: str) -> None:
    asked = {"name": "wte.weight", **asked}
    with pytest.raises(ConfigError, match=message):
        pool_weights(tiny_model, asked.pop("name"), **asked)


def test_parts_that_are_not_there_are_refused(tiny_model: GPT2) -> None:
    with pytest.raises(
        ConfigError, match=r"rows is '0:62'.\nIt must be a part, not empty, of 0:61."
    ):
        read_weights(tiny_model, "wte.weight", rows=slice(0, 62))
    with pytest.raises(ConfigError, match="cols is '20:'"):
        read_weights(tiny_model, "wte.weight", cols=slice(20, None))
