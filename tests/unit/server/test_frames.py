"""Frames come back as they were sent: layout, codes, alignment."""

import numpy as np
import pytest
import torch
from cut1 import decoded
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError
from cutaway.server.frames import encode_frame, join_frames


def test_exact_numbers_and_what_they_belong_to() -> None:
    values = torch.tensor([[0.1, -2.5e-8], [float("inf"), 3.0]])
    header, data, _ = decoded(encode_frame("x", values, model="m", run="r", extra=[1]))
    assert header == {
        "name": "x",
        "shape": [2, 2],
        "dtype": "f4",
        "layout": "dense",
        "code": "linear",
        "scale": None,
        "run": "r",
        "model": "m",
        "extra": [1],
    }
    assert np.array_equal(data, values.numpy().ravel())


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=40))
def test_pixels_of_probabilities_are_near(values: list[float]) -> None:
    frame = encode_frame("p", torch.tensor(values), model="m", dtype="u1", is_probability=True)
    header, codes, _ = decoded(frame)
    assert header["code"] == "sqrt"
    assert np.abs((codes / 255.0) ** 2 - values).max() < 0.004


@given(st.lists(st.floats(-1e6, 1e6, width=32), min_size=3, max_size=3), st.floats(0.1, 9))
def test_signed_pixels_have_a_scale_for_each_row(row: list[float], factor: float) -> None:
    values = torch.tensor([row, [factor * x for x in row]])
    header, codes, _ = decoded(encode_frame("s", values, model="m", dtype="u1"))
    scale = np.array(header["scale"])
    assert header["code"] == "signed"
    assert np.allclose(scale, values.abs().amax(-1))
    shown = (codes.reshape(2, 3).astype(float) - 128) / 127 * scale[:, None]
    assert (np.abs(shown - values.numpy()) <= scale[:, None] / 127).all()


def test_a_triangle_leaves_out_what_is_above() -> None:
    values = torch.arange(18.0).view(2, 3, 3)
    header, data, _ = decoded(encode_frame("t", values, model="m", layout="tri"))
    assert header["layout"] == "tri"
    assert header["shape"] == [2, 3, 3]
    assert data.tolist() == [0, 3, 4, 6, 7, 8, 9, 12, 13, 15, 16, 17]
    with pytest.raises(ConfigError, match=r"shape \(2, 3\)"):
        encode_frame("t", torch.zeros(2, 3), model="m", layout="tri")


def test_several_frames_in_one_answer() -> None:
    frames = [encode_frame(f"f{n}", torch.zeros(n), model="m", dtype="u1") for n in (1, 5, 8, 3)]
    data, at, names = join_frames(frames), 0, []
    while at < len(data):
        header, _, end = decoded(data, at)
        names.append(header["name"])
        at = -(-end // 8) * 8
    assert names == ["f1", "f5", "f8", "f3"]


def test_numbers_that_are_none_do_not_spoil_a_scale() -> None:
    values = torch.tensor([[float("nan"), float("-inf"), 2.0]])
    header, codes, _ = decoded(encode_frame("n", values, model="m", dtype="u1"))
    assert header["scale"] == [2.0]
    assert codes.tolist() == [128, 128, 255]
