"""``cutaway classify`` and ``cutaway eval classification``."""

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

TASK = TaskFormat(task="classification", marker="<class>", labels=("no", "yes", "0"))


@pytest.fixture
def model(enliven: Callable[..., GPT2], tmp_path: Path) -> Path:
    """A model that was taught, of 32 positions."""
    tokenizer = byte_tokenizer().with_specials(TASK.specials)
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=32, n_embd=20, n_layer=1, n_head=5)
    save_checkpoint(tmp_path / "m", enliven(GPT2(size)), tokenizer, dtype=torch.float32)
    TASK.save(tmp_path / "m")
    return tmp_path / "m"


def called(
    capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0
) -> tuple[str, str]:
    assert run([*map(str, arguments), "--dtype", "readable"]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_a_text_has_a_label_with_probabilities(
    model: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, err = called(capsys, "classify", "the thing", "-m", model)
    words = out.rstrip("\n").split("\t")
    assert sorted(words[::2]) == sorted(TASK.labels)
    shares = [float(share) for share in words[1::2]]
    assert shares == sorted(shares, reverse=True)
    assert sum(shares) == pytest.approx(1.0, abs=2e-4)
    assert "the likeliest of 3 labels behind <class>" in err
    one = called(capsys, "classify", "the thing", "-m", model, "--top", "1")[0]
    assert one.rstrip("\n").split("\t") == words[:2]
    told = json.loads(called(capsys, "classify", "the thing", "-m", model, "--json")[0])
    assert told["label"] == words[0]
    assert list(told["probabilities"]) == list(TASK.labels)


def test_a_bad_line_is_named_and_the_others_are_read(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes(b"the can\n\n\xff\n" + b"x" * 40 + b"\na\n")
    out, err = called(capsys, "classify", path, "-m", model, "--batch", "2", code=2)
    lines = out.splitlines()
    assert [bool(line) for line in lines] == [True, False, False, False, True]
    assert f"{path}:2: the line is empty." in err
    assert f"{path}:3: not UTF-8" in err
    assert f"{path}:4: The text has 40 tokens" in err
    assert "3 of 5 lines gave nothing" in err
    err = called(capsys, "classify", path, "-m", model, "--cut", code=2)[1]
    assert "2 of 5 lines gave nothing" in err
    path = tmp_path / "a.jsonl"
    path.write_text('{"body": "the can"}\n')
    assert called(capsys, "classify", path, "-m", model, "--field", "body")[0] == lines[0] + "\n"


def test_a_model_that_was_not_taught_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    err = called(capsys, "classify", "a", "-m", "pocket", code=2)[1]
    assert "was not taught labels" in err
    assert "--task classification" in err


def test_a_measurement_has_the_majority_beside_it(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.jsonl"
    records = [{"text": "the thing", "label": "yes"}, {"text": "an", "label": 0}]
    path.write_text("".join(json.dumps(record) + "\n" for record in [*records, records[0]]))
    given = ("eval", "classification", "-m", model, "--data", path)
    out, err = called(capsys, *given)
    names = [line.split("  ")[0] or line.strip().split("  ")[0] for line in out.splitlines()]
    assert [name.strip() for name in names] == [
        "accuracy", "of the majority", "macro-F1", "of the majority",
    ]  # fmt: skip
    assert "66.67 %  'yes' always" in out
    assert "3 examples of 2 labels" in err
    told = json.loads(called(capsys, *given, "--limit", "2", "--json")[0])
    assert (told["examples"], told["limit"]) == (2, 2)
    by_command = called(capsys, "classify", "the thing", "-m", model, "--top", "1")[0]
    found = {label["label"]: label["n_found"] for label in told["labels"]}
    assert found[by_command.split("\t")[0]] >= 1


def test_a_label_that_was_not_taught_is_named(
    model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "a.tsv"
    path.write_text("the thing\tyes\nan\tmaybe\n")
    err = called(capsys, "eval", "classification", "-m", model, "--data", path, code=2)[1]
    assert f"{path}:2: the label 'maybe' is none of the 3 of the task" in err
    path.write_text("the thing\tyes\n" + "x" * 40 + "\tno\n")
    err = called(capsys, "eval", "classification", "-m", model, "--data", path, code=2)[1]
    assert f"{path}:2: The text has 40 tokens" in err
