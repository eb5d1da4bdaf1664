"""Names: what they stand for, where files are looked for, and what is told when there are none."""

import importlib
import logging
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.checkpoints import list_models, load_checkpoint, load_config, save_checkpoint
from cutaway.errors import (
    CheckpointError,
    CheckpointNotFound,
    CutawayError,
    KeyMismatch,
    MissingExtra,
)
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer


@pytest.fixture(autouse=True)
def models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CUTAWAY_MODELS", str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A hub that hands out a directory, or fails, and notes what it was asked."""
    fake = SimpleNamespace(asked=[], answer=OSError("no route to host"))

    def snapshot_download(repository: str, *, allow_patterns: list[str]) -> str:
        fake.asked.append((repository, allow_patterns))
        if isinstance(fake.answer, Exception):
            raise fake.answer
        return str(fake.answer)

    fake.snapshot_download = snapshot_download
    real = importlib.import_module
    monkeypatch.setattr(
        importlib, "import_module", lambda name: fake if name == "huggingface_hub" else real(name)
    )
    return fake


@pytest.mark.parametrize(
    ("name", "repository"),
    [
        ("gpt2", "openai-community/gpt2"),
        ("gpt2-xl", "openai-community/gpt2-xl"),
        ("owner/some.model-1", "owner/some.model-1"),
    ],
)
def test_names_resolve_through_the_hub(
    hub: Any, tmp_path: Path, tiny_model: GPT2, name: str, repository: str
) -> None:
    save_checkpoint(tmp_path / "snapshot", tiny_model, None)
    hub.answer = tmp_path / "snapshot"
    loaded = load_checkpoint(name)
    assert (loaded.name, loaded.model.config) == (name, tiny_model.config)
    ((asked, patterns),) = hub.asked
    assert asked == repository
    assert "model.safetensors" in patterns
    assert not any("bin" in pattern or pattern == "*" for pattern in patterns)


def test_without_network_the_layout_to_put_in_place_is_named(hub: Any, models: Path) -> None:
    with pytest.raises(CheckpointNotFound) as caught:
        load_checkpoint("gpt2")
    assert "no route to host" in caught.value.what
    for part in (str(models / "gpt2"), "config.json", "model.safetensors", "merges.txt"):
        assert part in caught.value.hint


def test_what_was_put_in_place_is_taken(hub: Any, models: Path, tiny_model: GPT2) -> None:
    save_checkpoint(models / "gpt2", tiny_model, None)
    save_checkpoint(models / "owner" / "name", tiny_model, None)
    for name in ("gpt2", "owner/name"):
        assert load_checkpoint(name).model.config == tiny_model.config
    assert hub.asked == []
    paths = {model.name: model.path for model in list_models()}
    assert paths["gpt2"] == models / "gpt2"
    assert paths["gpt2-xl"] is None
    assert "pocket" in paths


def test_without_the_library(monkeypatch: pytest.MonkeyPatch, models: Path) -> None:
    def absent(name: str) -> Any:
        raise ImportError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(MissingExtra) as caught:
        load_checkpoint("gpt2-medium")
    assert "cutaway[hub]" in caught.value.hint
    assert str(models / "gpt2-medium") in caught.value.hint


@pytest.mark.parametrize("name", ["gtp2", "no such", "a/b/c", "../../etc", "", "x\0y", "a" * 5000])
def test_what_is_no_name_gets_an_error_at_once(hub: Any, name: str) -> None:
    with pytest.raises(CheckpointError) as caught:
        load_checkpoint(name)
    assert len(caught.value.what) < 400
    assert hub.asked == []


def test_the_nearest_name_is_suggested(hub: Any) -> None:
    with pytest.raises(CheckpointNotFound, match="'gpt2-large'"):
        load_checkpoint("gpt2-lrage")


@given(st.text(st.sampled_from("./\\-_a~:%\0 \n"), max_size=12))
def test_no_name_reaches_a_file_out_of_its_place(name: str) -> None:
    """Odd names: an error of ours, or a directory that exists and holds no checkpoint."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("cutaway.checkpoints.places.download", _refuse)
        with pytest.raises(CutawayError):
            load_checkpoint(name)


def _refuse(repository: str, **_: object) -> Path:
    assert ".." not in repository
    assert repository.count("/") == 1
    raise CheckpointNotFound(repository)


def test_a_path_is_a_path_whatever_its_name(
    tmp_path: Path, tiny_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    save_checkpoint(Path("mine"), tiny_model, None)
    save_checkpoint("owner/name", tiny_model, None)
    for source in ("mine", "./mine", "owner/name", Path("mine"), Path("mine/model.safetensors")):
        assert load_checkpoint(source).model.config == tiny_model.config


def test_a_directory_of_something_else_says_what_it_holds(tmp_path: Path) -> None:
    (tmp_path / "holiday.jpg").touch()
    with pytest.raises(CheckpointNotFound, match=r"holiday\.jpg"):
        load_checkpoint(tmp_path)
    with pytest.raises(CheckpointError, match=r"holiday\.jpg"):
        load_checkpoint(tmp_path / "holiday.jpg")


def of_size(rows: int) -> GPT2:
    return GPT2(GPT2Config(vocab_size=rows, n_ctx=4, n_embd=4, n_layer=1, n_head=2))


def test_the_vocabulary_of_gpt2_is_known(tmp_path: Path) -> None:
    save_checkpoint(tmp_path, of_size(50_257), None)
    assert load_checkpoint(tmp_path).tokenizer == Tokenizer.gpt2()


def test_padding_is_dropped_and_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    model = of_size(50_304)
    save_checkpoint(tmp_path, model, None)
    with caplog.at_level(logging.WARNING):
        loaded = load_checkpoint(tmp_path)
    assert loaded.model.config.vocab_size == 50_257
    assert torch.equal(loaded.model.wte.weight, model.wte.weight[:50_257])
    assert "47 of 50304 rows" in caplog.text


def test_rows_that_are_no_padding_are_not_dropped(tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(["aa bb cc"] * 9, vocab_size=260)
    tokenizer.save(tmp_path)
    for rows, fits in ((260, True), (320, True), (384, True), (256, False), (321, False)):
        save_checkpoint(tmp_path, of_size(rows), None)
        if fits:
            assert load_checkpoint(tmp_path).model.config.vocab_size == 260
        else:
            with pytest.raises(KeyMismatch, match=f"260 entries, the weights have {rows}"):
                load_checkpoint(tmp_path)


def test_a_vocabulary_of_another_size_is_not_saved(tmp_path: Path) -> None:
    with pytest.raises(KeyMismatch, match="50,257"):
        save_checkpoint(tmp_path / "out", of_size(61), Tokenizer.gpt2())
    assert not list(tmp_path.iterdir())


def test_a_step_of_a_run_that_is_not_finished(tmp_path: Path, tiny_model: GPT2) -> None:
    import json

    from safetensors.torch import save_file

    for step in (100, 200):
        folder = tmp_path / "checkpoints" / f"step-{step:08d}"
        folder.mkdir(parents=True)
        save_file(dict(tiny_model.state_dict()), folder / "model.safetensors")
        recipe = {"step": step, "recipe": {"model": tiny_model.config.to_dict()}}
        (folder / "state.json").write_text(json.dumps(recipe))
    loaded = load_checkpoint(tmp_path)
    assert (loaded.layout, loaded.model.config) == ("training", tiny_model.config)
    assert load_config(tmp_path / "checkpoints" / "step-00000100") == tiny_model.config
