"""Which kind of number runs where, and what is said if it cannot."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from cutaway.checkpoints import Opened, save_checkpoint
from cutaway.errors import ConfigError, CorruptCheckpoint, EngineUnavailable, ResourceError
from cutaway.generation import load, loading
from cutaway.generation.model_reader import ModelReader
from cutaway.generation.reader import EngineReader
from cutaway.models import GPT2, GPT2Config
from cutaway.numbers import Array, to_tensor
from engines import FakeEngine, by_the_real_one
from lms import language_model

UNAVAILABLE = EngineUnavailable("The engine cannot be built: no compiler.", "Install g++.")


class Filled(FakeEngine):
    """An engine that is made for a size and then filled."""

    weight_bytes = 10**6

    def __init__(
        self, config: GPT2Config, *, format: str, threads: int | None, cache_bytes: int | None
    ) -> None:
        super().__init__(GPT2(config).double())
        self.format, self.threads = format, threads  # type: ignore[assignment]
        self.cache_bytes = 10**8 if cache_bytes is None else cache_bytes
        self.filled: dict[str, Array] = {}

    def fill(self, name: str, weight: Array) -> None:
        self.filled[name] = weight
        self.model.get_parameter(name).data.copy_(to_tensor(weight))


@pytest.fixture
def folder(enliven: Callable[..., GPT2], tmp_path: Path) -> Path:
    lm = language_model(enliven, dtype=torch.float32)
    save_checkpoint(tmp_path / "m", lm.model, lm.tokenizer)
    return tmp_path / "m"


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[Filled]:
    engines: list[Filled] = []

    def make(config: GPT2Config, **settings: Any) -> Filled:
        engines.append(Filled(config, **settings))
        return engines[-1]

    monkeypatch.setattr(loading, "Engine", make)
    monkeypatch.setattr(loading, "_has_bfloat16", lambda: True)
    return engines


def unavailable(config: GPT2Config, **settings: Any) -> None:
    raise UNAVAILABLE


@pytest.mark.parametrize(
    ("name", "format"),
    [
        *[("float32", "float32"), ("fp32", "float32"), ("bfloat16", "bfloat16")],
        *[("bf16", "bfloat16"), ("int8", "int8"), ("int4", "int4")],
    ],
)
def test_a_name_gives_the_engine(folder: Path, made: list[Filled], name: str, format: str) -> None:
    lm = load(folder, dtype=name, threads=2)
    [engine] = made
    assert (lm.dtype, engine.format, engine.threads) == (format, format, 2)
    assert isinstance(lm.reader, EngineReader)
    plain = load(folder)
    assert engine.filled.keys() == dict(plain.model.named_parameters()).keys()
    assert lm.generate("the", seed=1).ids == plain.generate("the", seed=1).ids
    assert (lm.name, lm.fingerprint, lm.config) == (plain.name, plain.fingerprint, plain.config)


def test_the_readable_model_is_read_when_it_is_looked_into(
    folder: Path, made: list[Filled]
) -> None:
    lm = load(folder, dtype="int8")
    assert lm.model.wte.weight.dtype == torch.float32
    assert lm.model.state_dict().keys() == made[0].filled.keys()
    for name, weight in lm.model.state_dict().items():
        assert np.array_equal(weight.numpy(), made[0].filled[name]), name


def test_files_that_changed_are_not_taken_for_the_model(
    folder: Path, made: list[Filled], enliven: Callable[..., GPT2]
) -> None:
    lm = load(folder, dtype="int8")
    other = language_model(enliven, dtype=torch.float32, seed=2)
    save_checkpoint(folder, other.model, other.tokenizer)
    with pytest.raises(CorruptCheckpoint, match="holds other weights than when it was loaded"):
        lm.model  # noqa: B018


@pytest.mark.parametrize("dtype", [None, torch.float32, torch.bfloat16, torch.float64])
def test_a_torch_dtype_gives_the_readable_model(
    folder: Path, made: list[Filled], dtype: torch.dtype | None
) -> None:
    lm = load(folder, dtype=dtype)
    assert isinstance(lm.reader, ModelReader)
    assert f"torch.{lm.dtype}" == str(dtype or torch.float32)
    assert made == []


@pytest.mark.parametrize("name", ["float32", "bfloat16", "int8", "int4"])
def test_without_an_engine_the_readable_model_and_a_line(
    folder: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setattr(loading, "Engine", unavailable)
    with pytest.warns(UserWarning, match="no compiler") as told:
        lm = load(folder, dtype=name)
    assert [str(warning.message) for warning in told] == [
        "The engine cannot be built: no compiler. The readable model in float32 is used instead "
        f"of the engine in {name}. Install g++."
    ]
    assert lm.dtype == "float32"
    assert lm.generate("the", seed=1) == load(folder).generate("the", seed=1)


@pytest.mark.parametrize(
    ("dtype", "wait"), [("auto", None), ("auto", False), ("int8", False), ("float32", False)]
)
def test_what_is_not_compiled_yet_is_not_waited_for(
    folder: Path,
    made: list[Filled],
    monkeypatch: pytest.MonkeyPatch,
    dtype: str,
    wait: bool | None,
) -> None:
    ready, started = [False], list[int]()
    monkeypatch.setattr(loading, "is_ready", lambda: ready[0])
    monkeypatch.setattr(loading, "start", lambda: started.append(1))
    with pytest.warns(UserWarning, match=r"compiled in the background .* the readable model"):
        lm = load(folder, dtype=dtype, wait=wait)
    assert (started, made, isinstance(lm.reader, ModelReader)) == ([1], [], True)
    ready[0] = True
    assert load(folder, dtype=dtype, wait=wait).dtype == {"auto": "int8"}.get(dtype, dtype)
    assert len(made) == 1


def test_what_cannot_be_compiled_is_said_and_not_waited_for(
    folder: Path, made: list[Filled], monkeypatch: pytest.MonkeyPatch
) -> None:
    def unavailable() -> bool:
        raise UNAVAILABLE

    monkeypatch.setattr(loading, "is_ready", unavailable)
    with pytest.warns(UserWarning, match=r"no compiler.*Install g\+\+"):
        assert load(folder, dtype="auto").dtype == "float32"


def test_readable_is_a_name_too(folder: Path, made: list[Filled]) -> None:
    assert isinstance(load(folder, dtype="readable").reader, ModelReader)


def test_a_cache_of_a_size(folder: Path, made: list[Filled]) -> None:
    load(folder, dtype="int8", cache_bytes=12345)
    assert made[0].cache_bytes == 12345
    with pytest.raises(ConfigError, match="cache_bytes is 5, but the readable model"):
        load(folder, cache_bytes=5)


def test_too_little_memory_is_told_in_numbers(
    folder: Path, made: list[Filled], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cutaway.checkpoints.memory._of_machine", lambda: 10**9)
    load(folder, dtype="int8")  # a text fits, eight do not need to
    with pytest.raises(ResourceError, match=r"3\.0 GB of keys and values\) needs 3\.0 GB") as told:
        load(folder, dtype="int8", cache_bytes=3 * 10**9)
    assert "smaller cache_bytes" in told.value.hint


def test_an_unknown_name_gets_the_nearest(folder: Path) -> None:
    with pytest.raises(ConfigError, match="No dtype is called 'int9'") as caught:
        load(folder, dtype="int9")
    assert caught.value.hint == "Did you mean 'int8'?"


@pytest.mark.parametrize("name", ["int8", "int4"])
def test_integers_are_for_the_cpu(folder: Path, name: str) -> None:
    with pytest.raises(ConfigError, match=f"dtype is '{name}' on meta") as caught:
        load(folder, dtype=name, device="meta")
    assert "dtype='bfloat16'" in caught.value.hint


@pytest.mark.parametrize(("name", "dtype"), [("bf16", "bfloat16"), ("float32", "float32")])
def test_on_another_device_a_name_is_a_torch_dtype(
    folder: Path, made: list[Filled], monkeypatch: pytest.MonkeyPatch, name: str, dtype: str
) -> None:
    build = Opened.model

    def cpu_instead(opened: Opened, *, device: str, **settings: Any) -> GPT2:
        assert device == "cuda:1"
        return build(opened, device="cpu", **settings)

    monkeypatch.setattr(Opened, "model", cpu_instead)
    lm = load(folder, dtype=name, device="cuda:1")
    assert isinstance(lm.reader, ModelReader)
    assert (lm.dtype, made) == (dtype, [])


@pytest.mark.parametrize("dtype", [None, torch.float32])
def test_threads_are_the_engine_s(folder: Path, dtype: torch.dtype | None) -> None:
    with pytest.raises(ConfigError, match="threads is 2, but the readable model"):
        load(folder, dtype=dtype, threads=2)


@pytest.mark.parametrize(
    ("flags", "slow"),
    [
        ("flags\t\t: fpu avx512f avx512_vnni", True),
        ("flags\t\t: fpu avx512_bf16", False),
        ("flags\t\t: fpu amx_bf16", False),
        ("Features\t: fp asimd", True),
        ("Features\t: fp asimd bf16", False),
        ("no such line", False),
    ],
)
def test_a_cpu_that_is_slow_in_bfloat16_is_told_of(
    folder: Path,
    made: list[Filled],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    flags: str,
    slow: bool,
) -> None:
    monkeypatch.undo()
    monkeypatch.setattr(loading, "Engine", Filled)
    monkeypatch.setattr(loading, "_CPU", tmp_path / "cpuinfo")
    (tmp_path / "cpuinfo").write_text(f"processor\t: 0\n{flags}\n")
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        assert load(folder, dtype="bf16").dtype == "bfloat16"
        assert load(folder, dtype="int8").dtype == "int8"
    assert ["dtype='int8' is faster" in str(warning.message) for warning in told] == [True] * slow


def test_where_the_system_does_not_tell_nothing_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "_CPU", tmp_path / "nothing")
    assert loading._has_bfloat16()


@pytest.mark.parametrize("name", ["float32", "bfloat16", "int8", "int4"])
def test_the_engine_itself(enliven: Callable[..., GPT2], tmp_path: Path, name: str) -> None:
    """As far as this machine has a compiler: the engine writes, the readable model explains."""
    lm = language_model(enliven, n_ctx=64, dtype=torch.float32)
    fast = by_the_real_one(lm, tmp_path / "m", name)
    settings = {"seed": 3, "max_new_tokens": 70, "overflow": "slide", "top_k": 0}
    prompts = ["", "the cat", "the cat" * 6, "the cat" * 6 + "!", "x" * 63]
    together = fast.generate(prompts, n=2, **settings)
    for prompt, group in zip(prompts, together, strict=True):
        assert fast.generate(prompt, **settings) == group[0]  # dataclasses: every float too
    tolerance = {"float32": 1e-4, "bfloat16": 0.2, "int8": 0.2, "int4": 3.0}[name]
    actual, expected = fast.score("the cat" * 30), lm.score("the cat" * 30)
    assert actual.token_logprobs == pytest.approx(expected.token_logprobs, abs=tolerance)
    assert len(fast.generate("the", beams=3, n=3, max_new_tokens=5)) == 3
