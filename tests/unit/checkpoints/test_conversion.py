"""Conversions: equal weights, checked before they are in place, and nothing else is overwritten."""

from pathlib import Path
from typing import Any

import pytest
import torch

import cutaway
from cutaway.checkpoints import convert, load_checkpoint, save_checkpoint
from cutaway.checkpoints import convert as convert_function
from cutaway.cli.app import run
from cutaway.data.task import TaskFormat
from cutaway.errors import CheckpointError, ConfigError, KeyMismatch
from cutaway.models import GPT2, EncoderDecoder, GPT2Config, TransformerConfig
from cutaway.tokenizers import Tokenizer
from cutaway.training.lora import LoRA, LoRAConfig

FIXTURES = Path(__file__).parent / "fixtures"
LAYOUTS = ("hf", "nanogpt", "llmc")


@pytest.fixture
def source(tmp_path: Path, tiny_model: GPT2) -> Path:
    save_checkpoint(tmp_path / "source", tiny_model, None)
    return tmp_path / "source"


@pytest.mark.parametrize("to", LAYOUTS)
def test_a_chain_of_conversions_keeps_every_bit(tmp_path: Path, source: Path, to: Any) -> None:
    first = load_checkpoint(source).fingerprint
    report = convert(source, tmp_path / "a", to=to)
    assert report.fingerprint == first
    assert report.max_difference == 0.0
    assert sum(path.stat().st_size for path in (tmp_path / "a").iterdir()) == report.n_bytes
    assert convert(tmp_path / "a", tmp_path / "b", to="hf").fingerprint == first


@pytest.mark.parametrize("to", LAYOUTS)
def test_half_precision_stays_half(tmp_path: Path, tiny_model: GPT2, to: Any) -> None:
    save_checkpoint(tmp_path / "half", tiny_model, None, dtype=torch.bfloat16)
    report = convert(tmp_path / "half", tmp_path / "out", to=to)
    assert report.dtype == torch.bfloat16
    assert report.fingerprint == load_checkpoint(tmp_path / "half").fingerprint


def test_float16_widens_where_the_layout_has_none(tmp_path: Path, tiny_model: GPT2) -> None:
    save_checkpoint(tmp_path / "half", tiny_model, None, dtype=torch.float16)
    assert convert(tmp_path / "half", tmp_path / "out.bin", to="llmc").dtype == torch.float32
    with pytest.raises(ConfigError, match="float16"):
        convert(tmp_path / "half", tmp_path / "out.bin", to="llmc", dtype=torch.float16)


@pytest.mark.parametrize("to", LAYOUTS)
def test_the_vocabulary_goes_along(tmp_path: Path, to: Any) -> None:
    tokenizer = Tokenizer.train(["the robot must obey the orders of the robot"] * 3, vocab_size=260)
    config = GPT2Config(vocab_size=260, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    save_checkpoint(tmp_path / "source", GPT2(config), tokenizer)
    convert(tmp_path / "source", tmp_path / "out", to=to)
    assert load_checkpoint(tmp_path / "out").tokenizer == tokenizer


def test_an_earlier_output_may_be_replaced(tmp_path: Path, source: Path) -> None:
    for to in LAYOUTS:
        for _ in range(2):
            convert(source, tmp_path / to, to=to)


@pytest.mark.parametrize("to", LAYOUTS)
def test_anything_else_is_not_overwritten(tmp_path: Path, source: Path, to: Any) -> None:
    place = tmp_path / "precious"
    place.mkdir()
    (place / "thesis.txt").write_text("years of work")
    with pytest.raises(ConfigError, match="precious"):
        convert(source, place, to=to)
    convert(FIXTURES / "openai", tmp_path / "other", to="nanogpt" if to == "hf" else "hf")
    with pytest.raises(ConfigError, match="other"):
        convert(source, tmp_path / "other", to=to)
    suffix = {"hf": "", "nanogpt": ".pt", "llmc": ".bin"}[to]
    (tmp_path / f"file{suffix}").write_text("years of work")
    with pytest.raises(ConfigError, match="file"):
        convert(source, tmp_path / f"file{suffix}", to=to)
    assert (place / "thesis.txt").read_text() == "years of work"


@pytest.mark.parametrize("to", LAYOUTS)
def test_an_output_that_differs_is_not_put_in_place(
    tmp_path: Path, source: Path, to: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A writer with a bug, as it were: the model is spoilt between writing and comparing."""
    import sys

    module = sys.modules["cutaway.checkpoints.conversion"]
    prompts = module._prompts  # type: ignore[attr-defined]

    def spoil(model: GPT2) -> torch.Tensor:
        with torch.no_grad():
            model.h[1].mlp.c_fc.bias[0] += 1.0
        return prompts(model)

    monkeypatch.setattr(module, "_prompts", spoil)
    with pytest.raises(CheckpointError, match="logits"):
        convert_function(source, tmp_path / "out", to=to)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


def test_an_epsilon_that_cannot_be_stated_is_refused(tmp_path: Path) -> None:
    config = GPT2Config(
        vocab_size=5, n_ctx=4, n_embd=4, n_layer=1, n_head=2, layer_norm_epsilon=1e-3
    )
    save_checkpoint(tmp_path / "source", GPT2(config), None)
    with pytest.raises(KeyMismatch, match="layer_norm_epsilon"):
        convert(tmp_path / "source", tmp_path / "out", to="nanogpt")
    convert(tmp_path / "source", tmp_path / "out", to="hf")


def test_an_unknown_layout_gets_the_nearest(tmp_path: Path, source: Path) -> None:
    with pytest.raises(ConfigError, match="'llmc'"):
        convert(source, tmp_path / "out", to="llm.c")  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["out", "out/ckpt.pt"])
def test_weights_are_not_put_beside_the_vocabulary_of_another(
    tmp_path: Path, source: Path, name: str
) -> None:
    to: Any = "nanogpt" if name.endswith(".pt") else "hf"
    convert(source, tmp_path / name, to=to)
    Tokenizer.train(["a robot must protect itself"] * 3, vocab_size=260).save(tmp_path / "out")
    before = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    with pytest.raises(ConfigError):
        convert(source, tmp_path / name, to=to)
    assert before == {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    convert(source, tmp_path / "other" / "ckpt.pt", to="nanogpt")
    with pytest.raises(ConfigError, match="vocabulary of another"):
        convert(source, tmp_path / "out" / "new.pt", to="nanogpt")


def test_a_file_may_lie_beside_the_vocabulary_that_is_its_own(tmp_path: Path) -> None:
    tokenizer = Tokenizer.train(["the robot must obey"] * 3, vocab_size=260)
    config = GPT2Config(vocab_size=260, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    save_checkpoint(tmp_path / "source", GPT2(config), tokenizer)
    for _ in range(2):
        convert(tmp_path / "source", tmp_path / "source" / "model.bin", to="llmc")
    loaded = load_checkpoint(tmp_path / "source" / "model.bin")
    assert loaded.layout == "llmc"
    assert loaded.tokenizer == tokenizer


def test_a_source_that_the_system_refuses_is_an_error_of_ours(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError):
        convert("x" * 5000, tmp_path / "out", to="hf")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def taught(tmp_path: Path) -> Path:
    """A model that was taught to translate."""
    tokenizer = Tokenizer.train(["the robot"], vocab_size=258, specials=["<to-de>"])
    config = GPT2Config(vocab_size=258, n_ctx=8, n_embd=8, n_layer=1, n_head=2)
    save_checkpoint(tmp_path / "taught", GPT2(config), tokenizer)
    TASK.save(tmp_path / "taught")
    return tmp_path / "taught"


TASK = TaskFormat(task="translation", marker="<to-de>", mask="prefix")


@pytest.mark.parametrize("to", LAYOUTS)
def test_what_it_was_taught_goes_along(tmp_path: Path, taught: Path, to: Any) -> None:
    report = convert(taught, tmp_path / "out", to=to)
    assert TaskFormat.load(tmp_path / "out") == TASK
    assert tmp_path / "out" / "task.json" in report.files
    assert not report.drops_task


def test_a_single_file_has_no_place_for_it_and_that_is_told(
    tmp_path: Path, taught: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert convert(taught, tmp_path / "out" / "a.pt", to="nanogpt").drops_task
    assert not convert(taught, taught / "a.pt", to="nanogpt").drops_task  # it is there
    assert run(["convert", str(taught), str(tmp_path / "b.bin"), "--to", "llmc"]) == 0
    assert "task.json" in capsys.readouterr().err
    assert not (tmp_path / "task.json").exists()


def test_weights_are_not_put_beside_what_another_was_taught(
    tmp_path: Path, taught: Path, source: Path
) -> None:
    convert(source, tmp_path / "out", to="hf")
    TASK.save(tmp_path / "out")
    with pytest.raises(ConfigError, match=r"task\.json, which says how another"):
        convert(source, tmp_path / "out", to="hf")
    convert(taught, tmp_path / "new", to="hf")
    convert(taught, tmp_path / "new", to="hf", dtype=torch.bfloat16)  # its own is replaced


def test_an_adapter_says_what_it_was_taught(tmp_path: Path, taught: Path) -> None:
    model = load_checkpoint(taught).model
    LoRA(model, LoRAConfig(rank=2)).save(tmp_path / "run" / "adapter")
    other = TaskFormat(task="pairs", marker="<to-de>")
    other.save(tmp_path / "run" / "adapter")
    convert(taught, tmp_path / "out", to="hf", adapter=tmp_path / "run")
    assert TaskFormat.load(tmp_path / "out") == other
    assert cutaway.load(taught, adapter=tmp_path / "run").task == other
    assert cutaway.load(taught).task == TASK


def test_an_encoder_decoder_is_written_again(tmp_path: Path) -> None:
    size = TransformerConfig(vocab_size=9, n_ctx=8, n_embd=8, n_layer=1, n_head=2, n_inner=8)
    save_checkpoint(tmp_path / "a", EncoderDecoder(size), None)
    report = convert(tmp_path / "a", tmp_path / "b", to="hf", dtype=torch.bfloat16)
    assert report.max_difference == 0.0
    assert load_checkpoint(tmp_path / "b").model.config == size
