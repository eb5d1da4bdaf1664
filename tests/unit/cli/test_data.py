"""``cutaway data``: what it prints, and the codes it ends with."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from corpora import contents, write_corpus
from cutaway.cli.app import run
from processes import environment


def figures(capsys: pytest.CaptureFixture[str], *arguments: object) -> dict[str, object]:
    assert run(["data", *map(str, arguments), "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_prepare_counts_what_it_saw(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.txt").write_bytes(
        b"the fox\n<|endoftext|>\nthe fox\n<|endoftext|>\n \n<|endoftext|>\ncaf\xe9"
    )
    out = tmp_path / "out"
    found = figures(capsys, "prepare", tmp_path / "a.txt", "--out", out, "--val", 0)
    assert found.pop("seconds") > 0  # type: ignore[operator]
    assert found.pop("mb_per_second") >= 0  # type: ignore[operator]
    assert found == {
        "directory": str(out),
        "documents": 3,
        "duplicates": 1,
        "empty": 1,
        "bad": 0,
        "not_utf8": 1,
        "tokens": 3 + 3 + 4,
        "bytes": 7 + 7 + 4,
        "bytes_per_token": 2.5714,
        "splits": {
            "train": {"shards": 1, "documents": 3, "tokens": 10, "bytes": 18},
            "val": {"shards": 0, "documents": 0, "tokens": 0, "bytes": 0},
        },
    }
    assert figures(capsys, "verify", out) == {"directory": str(out), "shards": 1, "tokens": 10}


def test_prepare_as_lines(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=30)
    options = ["--out", str(tmp_path / "out"), "--val", "0.2", "--drop-duplicates"]
    assert run(["data", "prepare", str(corpus[0].parent), *options]) == 0
    out, err = capsys.readouterr()
    assert out == f"{tmp_path / 'out'}\n"
    assert "duplicates         " in err
    assert "MB/s" in err
    assert "kept byte for byte" in err
    assert run(["data", "verify", str(tmp_path / "out"), "--fast"]) == 0
    assert "of the right size" in capsys.readouterr().out


def test_stdin_is_read_as_what_it_is_said_to_be(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    stdin = io.TextIOWrapper(io.BufferedReader(io.BytesIO(b'{"body": "the fox"}\n')))  # type: ignore[arg-type]
    monkeypatch.setattr(sys, "stdin", stdin)
    options = ("--format", "jsonl", "--text-key", "body", "--out", tmp_path / "out", "--val", 0)
    found = figures(capsys, "prepare", "-", *options)
    assert (found["documents"], found["tokens"]) == (1, 3)


@pytest.mark.parametrize(
    ("content", "options", "code", "message"),
    [
        (b'{"text": "a"}\n{', [], 2, "a.jsonl, line 2: no JSON"),
        (b'{"txt": "a"}', [], 2, "a.jsonl, line 1: no text under 'text'"),
        (b"\n", [], 2, "hold no document"),
        (b'{"text": "a"}', ["--val", "1"], 2, "val is 1.0"),
        (b'{"text": "a"}', ["--tokenizer", "nowhere"], 2, "nowhere"),
    ],
)
def test_what_goes_wrong_has_two_lines_and_a_code(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    options: list[str],
    code: int,
    message: str,
) -> None:
    (tmp_path / "a.jsonl").write_bytes(content)
    arguments = ["prepare", str(tmp_path / "a.jsonl"), "--out", str(tmp_path / "out")]
    assert run(["data", *arguments, *options]) == code
    err = capsys.readouterr().err
    assert message in err
    assert len(err.splitlines()) == 2


def test_a_damaged_shard_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=30)
    out = tmp_path / "out"
    figures(capsys, "prepare", *corpus, "--out", out, "--shard-tokens", 1000, "--workers", 1)
    shard = out / "train-00002.bin"
    shard.write_bytes(shard.read_bytes()[:-2] + b"\1\0")
    assert run(["data", "verify", str(out), "--fast"]) == 0
    capsys.readouterr()
    assert run(["data", "verify", str(out)]) == 4
    assert "damaged train-00002.bin (another checksum)" in capsys.readouterr().err
    assert run(["data", "verify", str(tmp_path)]) == 2


def test_ctrl_c_loses_nothing_and_says_how_to_go_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = write_corpus(tmp_path / "corpus", n=2_000)
    options = ["--shard-tokens", "30000", "--val", "0.1"]
    command = ["data", "prepare", *map(str, corpus), *options]
    process = subprocess.Popen(
        [sys.executable, "-m", "cutaway", *command, "--out", str(tmp_path / "out")],
        env=environment(PYTHONPATH=os.pathsep.join(sys.path)),
        stderr=subprocess.PIPE,
        text=True,
        # A test run in the background ignores SIGINT, and would hand that down.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while process.poll() is None and not (tmp_path / "out" / "train-00000.json").exists():
        time.sleep(0.001)
    process.send_signal(signal.SIGINT)
    assert "Run the same command again to go on." in process.communicate()[1]
    assert process.returncode == 6
    assert (tmp_path / "out" / "train-00000.json").exists()
    for name in ("out", "whole"):
        assert run([*command, "--out", str(tmp_path / name)]) == 0
    assert contents(tmp_path / "out") == contents(tmp_path / "whole")
