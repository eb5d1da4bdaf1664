"""``cutaway translate`` and ``cutaway eval translation``."""

import gzip
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.cli.app import run
from cutaway.data.task import TaskFormat
from cutaway.models import GPT2, EncoderDecoder, GPT2Config, TransformerConfig
from lms import byte_tokenizer

TASK = TaskFormat(task="translation", marker="<to-de>")


@pytest.fixture(params=["decoder", "encoder-decoder"])
def model(request: pytest.FixtureRequest, enliven: Callable[..., GPT2], tmp_path: Path) -> Path:
    """A model that was taught, of 32 positions."""
    tokenizer = byte_tokenizer().with_specials([TASK.marker])
    sizes = {"vocab_size": tokenizer.vocab_size, "n_ctx": 32, "n_embd": 20, "n_head": 5}
    fresh = (
        GPT2(GPT2Config(n_layer=2, **sizes))
        if request.param == "decoder"
        else EncoderDecoder(TransformerConfig(n_layer=2, n_inner=24, **sizes))
    )
    save_checkpoint(tmp_path / "m", enliven(fresh), tokenizer, dtype=torch.float32)
    TASK.save(tmp_path / "m")
    return tmp_path / "m"


def called(
    capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0
) -> tuple[str, str]:
    options = ["--max-tokens", "6", "--beams", "2"]
    assert run([*map(str, arguments), *options]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_text_a_file_and_stdin(
    model: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    text = "the can\na\nin the"
    (tmp_path / "a.en.gz").write_bytes(gzip.compress(text.encode()))
    out, err = called(capsys, "translate", tmp_path / "a.en.gz", "-m", model, "--batch", "2")
    assert len(out.splitlines()) == 3
    assert "2 beams" in err
    first = called(capsys, "translate", "the can", "-m", model)[0]
    assert first == out.splitlines(keepends=True)[0]
    assert called(capsys, "translate", text, "-m", model)[0] == out
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert called(capsys, "translate", "-m", model)[0] == out


def test_a_bad_line_is_named_and_the_others_are_translated(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"the can\n\n\xff\n" + b"x" * 40 + b"\na\n")
    out, err = called(capsys, "translate", path, "-m", model, code=2)
    lines = out.splitlines()
    assert len(lines) == 5
    assert lines[1] == lines[2] == lines[3] == ""
    assert f"{path}:2: the line is empty." in err
    assert f"{path}:3: not UTF-8" in err
    assert f"{path}:4: The text has 40 tokens" in err
    assert "3 of 5 lines gave nothing" in err
    whole = called(capsys, "translate", path, "-m", model, "--chunk", code=2)[1]
    assert "2 of 5 lines gave nothing" in whole


def test_json_with_alignment(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"en": "the can"}\n{"source": "a"}\n')
    out, _ = called(
        capsys, "translate", path, "-m", model, "--source", "en", "--alignment", "--json", code=2
    )
    good, bad = map(json.loads, out.splitlines())
    assert good["source"] == "the can"
    [aligned] = good["alignment"]
    assert aligned["layer"] == 0
    assert len(aligned["weights"]) == len(aligned["target"])
    assert all(len(row) == len(aligned["source"]) for row in aligned["weights"])
    assert (bad["where"], "no field 'en'" in bad["error"]) == (f"{path}:2", True)
    shown = called(capsys, "translate", "the can", "-m", model, "--alignment", "--layer", "1")[0]
    assert len(shown.splitlines()) == 1 + len(aligned["target"])


def test_what_cannot_translate_says_so(capsys: pytest.CaptureFixture[str], model: Path) -> None:
    err = called(capsys, "translate", "a", "-m", "pocket", code=2)[1]
    assert "was not taught pairs" in err
    err = called(capsys, "translate", "a", "-m", model, "--to", "xx", code=2)[1]
    assert "<to-xx>" in err


def test_bleu_with_its_signatures(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("sacrebleu")
    pytest.importorskip("sacremoses")
    for name, lines in (("en", ["the can", "a", "in"]), ("de", ["Die Dose", "Ein", "In"])):
        (tmp_path / f"t.{name}").write_text("\n".join(lines) + "\n")
    files = ["--source", tmp_path / "t.en", "--reference", tmp_path / "t.de"]
    out, err = called(
        capsys, "eval", "translation", "-m", model, *files, "--output", tmp_path / "out"
    )
    assert "BLEU cased, detokenised" in out
    assert "tok:13a" in out
    assert "3 sentences, one reference each" in err
    by_command = called(capsys, "translate", tmp_path / "t.en", "-m", model)[0]
    assert (tmp_path / "out").read_text() == by_command
    told = json.loads(
        called(capsys, "eval", "translation", "-m", model, *files, "--limit", "2", "--json")[0]
    )
    assert (told["sentences"], told["limit"]) == (2, 2)
    assert told["tokenised_lower_case"]["signature"].startswith("nrefs:1")


def test_files_of_different_length(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a").write_text("a\nb\n")
    (tmp_path / "b").write_text("a\n")
    files = ["--source", tmp_path / "a", "--reference", tmp_path / "b"]
    err = called(capsys, "eval", "translation", "-m", model, *files, code=2)[1]
    assert "has 2 lines" in err
