"""``cutaway runs``: what it prints at any width, what it draws, and the codes it ends with."""

import json
from pathlib import Path

import pytest

from cutaway.cli.app import run
from cutaway.errors import TrainingDiverged
from training_runs import write_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_run(tmp_path / "runs" / "few")
    write_run(tmp_path / "runs" / "many", steps=9, lr=5e-4)
    write_run(tmp_path / "runs" / "lost", lr=9.0, error=TrainingDiverged("Step 5: loss nan."))
    return tmp_path / "runs"


def said(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    assert run(["runs", *map(str, arguments)]) == 0
    return capsys.readouterr().out


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, str]:
    code = run(["runs", *map(str, arguments)])
    return code, capsys.readouterr().err


def test_a_list(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    head, *rows = said(capsys, "--dir", folder).splitlines()
    assert head.split("  ")[0] == "run"
    assert "best valid" in head
    text = "\n".join(rows)
    assert "finished  4/9" in text.replace("   ", "  ")
    assert "diverged" in text
    assert "  Step 5: loss nan." in rows
    assert said(capsys, "list", "--dir", folder) == "\n".join([head, *rows]) + "\n"


@pytest.mark.parametrize("width", [20, 30, 40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    (folder / "few").rename(folder / ("a long name of a run " * 5).strip())
    monkeypatch.setenv("COLUMNS", str(width))
    lines = said(capsys, "--dir", folder).splitlines()
    assert len(lines) == 5
    assert all(len(line) <= max(width, 35) for line in lines)
    if width >= 40:
        compared = said(capsys, "compare", "many", "lost", "--dir", folder).splitlines()
        assert all(len(line) <= width for line in compared)


def test_a_list_as_json(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [json.loads(line) for line in said(capsys, "--dir", folder, "--json").splitlines()]
    assert {row["name"]: row["state"] for row in rows} == {
        "few": "finished",
        "many": "finished",
        "lost": "diverged",
    }
    assert all(row["valid_loss"] is not None for row in rows)


def test_an_empty_folder(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["runs", "--dir", str(tmp_path)]) == 0
    assert "holds no run" in capsys.readouterr().err


def test_a_comparison(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "compare", "few", "many", "--dir", folder, "--parts", 2)
    assert "optimizer.lr  0.001  0.0005" in text
    assert "2 steps" in text
    assert "4 steps" in text
    told = json.loads(said(capsys, "compare", "few", "many", "--dir", folder, "--json"))
    assert told["differences"] == {"optimizer.lr": ["0.001", "0.0005"]}
    assert told["places"][-1] == {"at": 4, "loss": [5.5, 6.75], "valid_loss": [5.0, 5.0]}
    assert "recipes are the same" in said(capsys, "compare", "few", "few", "--dir", folder)


def test_a_plot(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "curves.svg"
    options = ["--dir", folder, "--out", out, "--over", "tokens", "--log-x", "--json"]
    told = json.loads(said(capsys, "plot", "few", "many", *options))
    assert [(curve["run"], curve["kind"]) for curve in told["curves"]] == [
        ("few", "steps"),
        ("few", "valid"),
        ("many", "steps"),
        ("many", "valid"),
    ]
    assert told["curves"][1]["points"] == [[200, 7.0], [400, 5.0]]
    assert "<svg" in out.read_text()
    assert said(capsys, "plot", "few", "--dir", folder, "--out", out) == f"{out}\n"


def test_what_cannot_be(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "curves.svg"
    code, text = refused(capsys, "plot", "feww", "--dir", folder, "--out", out)
    assert (code, text.count("\n")) == (2, 2)
    assert "no run 'feww'" in text
    assert "Did you mean 'few'?" in text
    assert refused(capsys, "plot", "few", "--dir", folder, "--out", tmp_path / "a.gif")[0] == 2
    code, text = refused(capsys, "plot", "few", "--dir", folder, "--out", out, "--figure", "los")
    assert code == 2
    assert "Did you mean 'loss'?" in text
    write_run(folder / "empty", steps=0)
    code, text = refused(capsys, "plot", "empty", "--dir", folder, "--out", out)
    assert code == 2
    assert "nothing to plot in empty" in text
    code, text = refused(capsys, "--dir", tmp_path / "nowhere")
    assert code == 2
    assert "There is no folder" in text
    assert not out.exists()


def test_a_damaged_line_is_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with (folder / "few" / "log.jsonl").open("ab") as file:
        file.write(b"\xff\n")
    assert run(["runs", "compare", "few", "many", "--dir", str(folder)]) == 0
    err = capsys.readouterr().err
    assert "few/log.jsonl: line 9 cannot be read and is left out" in err
