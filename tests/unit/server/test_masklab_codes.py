"""The mask laboratory over HTTP: numbers exact, pixels the codes of those very numbers."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from cut1 import decoded
from numpy.typing import NDArray
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Run
from cutaway.interp.masklab import masklab
from cutaway.server import create_app
from cutaway.server.frames import encode_frame

Stages = dict[str, tuple[dict[str, Any], NDArray[Any]]]
STAGES = ("qk", "scaled", "masked", "pattern")
DTYPES = {"f4": "float32", "f2": "float16"}


def asked(client: TestClient, path: str) -> Stages:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    data, at, stages = answer.content, 0, {}
    while at < len(data):
        header, values, end = decoded(data, at)
        stages[header["name"]] = (header, values)
        at = -(-end // 8) * 8
    return stages


def coded(values: NDArray[Any], scale: float | None) -> NDArray[np.float64]:
    """The codes of numbers, NaN and infinities, not yet rounded."""
    values = values.astype(np.float64)
    if scale is None:
        return np.where(np.isnan(values), 0, 1 + 254 * np.sqrt(np.clip(values, 0, 1)))
    codes = np.clip(128 + 125 * values / scale, 3, 253)
    codes = np.where(np.isposinf(values), 255, np.where(np.isneginf(values), 1, codes))
    return np.where(np.isnan(values), 0, codes)


@pytest.mark.parametrize(("mask", "dtype"), [("-inf", "f4"), ("-1e9", "f2"), ("none", "f4")])
def test_the_mask_laboratory(client: TestClient, run: str, mask: str, dtype: str) -> None:
    path = f"/api/runs/{run}/masklab?layer=1&head=2&mask={mask}&dtype={dtype}"
    stages = asked(client, path)
    assert ("lost" in stages) == (mask != "none")
    header, pattern = stages["pattern"]
    n = header["shape"][0]
    rows = pattern.reshape(n, n).astype(float)
    np.testing.assert_allclose(rows.sum(1), 1, atol=1e-2 if dtype == "f2" else 1e-6)
    assert (np.triu(rows, 1) == 0).all() == (mask != "none")
    hidden = n * (n - 1) // 2
    infinite = mask == "-inf" or (mask == "-1e9" and dtype == "f2")
    assert stages["masked"][0]["neginf"] == (hidden if infinite else 0)


@pytest.mark.parametrize("dtype", ["f4", "f2"])
@pytest.mark.parametrize("mask", ["-inf", "-1e10", "min", "none"])
@pytest.mark.parametrize("factor", [1, 3_000])
def test_codes_are_those_of_the_numbers(
    lm: LanguageModel, mask: str, dtype: str, factor: float
) -> None:
    large = LanguageModel(deepcopy(lm.model), lm.tokenizer)
    with torch.no_grad():
        large.model.h[1].attn.c_attn.weight.mul_(factor)  # float16 overflows
    client = TestClient(create_app([large]), base_url="http://127.0.0.1")
    run = client.post("/api/runs", json={"text": "the anthem the an"}).json()["run"]
    path = f"/api/runs/{run}/masklab?layer=1&head=2&mask={mask}&dtype={dtype}"
    exact, pixels = asked(client, path), asked(client, f"{path}&codes=true")
    n = exact["qk"][0]["shape"][0]
    for name in STAGES:
        header, codes = pixels[name]
        numbers = exact[name][1].reshape(n, n)
        is_triangle = mask != "none" and name in ("masked", "pattern")
        assert header["layout"] == ("tri" if is_triangle else "dense")
        assert header["code"] == ("sqrt_odd" if name == "pattern" else "signed_odd")
        seen = numbers[np.tril_indices(n)] if is_triangle else numbers.flatten()
        scale = None if name == "pattern" else header["scale"]
        np.testing.assert_allclose(codes, coded(seen, scale), rtol=0, atol=0.501)
        assert set(codes[~np.isfinite(seen)]) <= {0, 1, 255}
        for kind in ("nan", "posinf", "neginf", "mask_value", "farthest", "future", "leaking"):
            assert header[kind] == exact[name][0][kind]
    lower = exact["scaled"][1].reshape(n, n)[np.tril_indices(n)].astype(float)
    assert pixels["masked"][0]["scale"] == np.abs(lower[np.isfinite(lower)]).max(initial=0) or 1.0
    assert (exact["qk"][0]["posinf"] > 0) == (factor > 1 and dtype == "f2")


@pytest.mark.parametrize("dtype", ["f4", "f2"])
@pytest.mark.parametrize("mask", ["-inf", "none"])
def test_what_a_mask_promises_is_counted(
    client: TestClient, run: str, opened: Run, mask: str, dtype: str
) -> None:
    path = f"/api/runs/{run}/masklab?layer=0&head=1&mask={mask}&dtype={dtype}&codes=true"
    header, _ = asked(client, path)["pattern"]
    pattern = masklab(opened, layer=0, head=1, mask=mask, dtype=DTYPES[dtype]).pattern.double()
    sums, n = pattern.sum(-1), len(opened.ids)
    assert float(header["farthest"]) == float(sums[(sums - 1).abs().argmax()])
    assert header["future"] == n * (n - 1) // 2
    assert header["leaking"] == int((pattern.triu(1) != 0).sum())


@pytest.mark.parametrize("dtype", ["f4", "f2"])
def test_rows_are_exact(client: TestClient, run: str, opened: Run, dtype: str) -> None:
    path = f"/api/runs/{run}/masklab?layer=1&head=3&dtype={dtype}&rows=2:5"
    stages = asked(client, path)
    found = masklab(opened, layer=1, head=3, dtype=DTYPES[dtype], rows=slice(2, 5))
    for name in STAGES:
        header, values = stages[name]
        assert header["start"] == 2
        assert np.array_equal(values.reshape(3, -1), getattr(found, name).numpy())


def test_every_kind_of_number_has_its_code() -> None:
    odd = [float("nan"), float("-inf"), float("inf"), -9.0, -2.0, 0.0, 2.0, 9.0]
    data = encode_frame("x", torch.tensor(odd), model="m", dtype="u1", odd_scale=2.0)
    header, codes, _ = decoded(data)
    assert (header["code"], header["scale"]) == ("signed_odd", 2.0)
    assert codes.tolist() == [0, 1, 255, 3, 3, 128, 253, 253]
    shares = torch.tensor([float("nan"), 0.0, 0.25, 1.0])
    data = encode_frame("x", shares, model="m", dtype="u1", is_probability=True, odd_scale=1.0)
    header, codes, _ = decoded(data)
    assert (header["code"], header["scale"]) == ("sqrt_odd", None)
    assert codes.tolist() == [0, 1, 128, 255]
