"""``cutaway summarize`` and ``cutaway eval summarization``."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.cli.app import run
from cutaway.data.task import TaskFormat
from cutaway.models import GPT2, GPT2Config
from lms import byte_tokenizer

TASK = TaskFormat(task="summarization", marker="<sum>")


@pytest.fixture
def model(enliven: Callable[..., GPT2], tmp_path: Path) -> Path:
    """A model that was taught, of 48 positions."""
    tokenizer = byte_tokenizer().with_specials([TASK.marker])
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=48, n_embd=20, n_layer=1, n_head=5)
    save_checkpoint(tmp_path / "m", enliven(GPT2(size)), tokenizer, dtype=torch.float32)
    TASK.save(tmp_path / "m")
    return tmp_path / "m"


def summarized(
    capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0
) -> tuple[str, str]:
    options = ["--max-tokens", "6", "--seed", "1", "--beams", "2"]
    assert run(["summarize", *map(str, arguments), *options]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_text_a_file_and_one_line_of_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.txt").write_text("the thing\nin the anthem\n")
    out, err = summarized(capsys, "the thing\nin the anthem", "-m", model)
    assert summarized(capsys, tmp_path / "a.txt", "-m", model)[0] == out
    assert "2 beams" in err
    lines = summarized(capsys, tmp_path / "a.txt", "-m", model, "--lines")[0].splitlines()
    assert len(lines) == 2
    told = json.loads(summarized(capsys, "the thing", "-m", model, "--json")[0])
    assert (told["tokens"], told["tokens_read"], told["parts"]) == (told["tokens"],) * 2 + (1,)
    assert " ".join(told["summary"].split()) == lines[0]


def test_any_model_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    out, err = summarized(capsys, "The king had a dog. The dog was old.", "-m", "pocket")
    assert out.endswith("\n")
    assert "TL;DR:" in err
    assert "seed 1" in err


def test_a_bad_line_is_named_and_the_others_are_written(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = [{"text": "the thing"}, {"txt": "x"}, {"text": "x" * 99}, {"text": ["an", "in"]}]
    path = tmp_path / "a.jsonl"
    path.write_text("\n".join(map(json.dumps, records)) + "\n")
    out, err = summarized(capsys, path, "-m", model, "--document", "text", code=2)
    lines = out.splitlines()
    assert len(lines) == 4
    assert lines[1] == lines[2] == ""
    assert lines[0] == summarized(capsys, "the thing", "-m", model)[0].rstrip("\n")
    assert f"{path}:2: no field 'text'" in err
    assert f"{path}:3: The text has 99 tokens" in err
    assert "2 of 4 lines gave nothing" in err
    out, _ = summarized(capsys, path, "-m", model, "--document", "text", "--json", code=2)
    told = [json.loads(line) for line in out.splitlines()]
    assert [("error" in one, one["where"]) for one in told] == [
        (bad, f"{path}:{i}") for i, bad in enumerate((False, True, True, False), start=1)
    ]


def test_a_long_text_is_refused_cut_or_read_in_parts(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "The thing in. " * 6
    out, err = summarized(capsys, text, "-m", model, code=2)
    assert out == ""
    assert "48 positions" in err
    assert "--cut" in err
    assert "note: read 41 of" in summarized(capsys, text, "-m", model, "--cut")[1]
    assert "note: read in 2 parts" in summarized(capsys, text, "-m", model, "--chunk")[1]
    assert "--cut and --chunk" in summarized(capsys, text, "--cut", "--chunk", code=2)[1]


def test_a_model_that_was_taught_something_else_is_refused(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    TaskFormat(task="translation", marker="<sum>").save(model)
    err = summarized(capsys, "the", "-m", model, code=2)[1]
    assert "was taught translation" in err
    assert "cutaway translate" in err


def test_a_measurement_has_its_baselines_beside_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    records = [{"document": ["An ant.", "It in.", "The end.", "No."], "summary": ["an ant", "x"]}]
    path.write_text("\n".join(map(json.dumps, records * 3)) + "\n")
    given = ["eval", "summarization", "--data", str(path), "-m", str(model), "--max-tokens", "5"]
    assert run([*given, "--limit", "2", "--beams", "1"]) == 0
    out, err = capsys.readouterr()
    names = [line.strip().split("  ")[0] for line in out.splitlines()]
    assert names == ["ROUGE", "of lead-3", "of random-3"]
    assert "the first 2 documents" in err
    assert "up to 2 references" in err
    assert run([*given, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["documents"] == 3
    assert told["lead"]["rouge1"] == pytest.approx(0.5)  # 2 of 6 words, all of the reference
    records[0]["document"] = ["x" * 60]
    path.write_text(json.dumps(records[0]) + "\n")
    assert run(given) == 2
    assert f"{path}:1: The text has 60 tokens" in capsys.readouterr().err


def test_the_word_behind_eval_is_a_task_or_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "summarization", "--help"]) == 0
    assert "Usage: cutaway eval summarization" in capsys.readouterr().out
    assert run(["eval", "sumarization"]) == 3
    assert "No model 'sumarization'" in capsys.readouterr().err
