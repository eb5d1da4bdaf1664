"""What the commands print, in this process: it has loaded torch already."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cutaway.cli.app import run

Json = Callable[..., list[Any]]


@pytest.fixture
def rows(capsys: pytest.CaptureFixture[str]) -> Json:
    """Runs a command with ``--json`` and returns the objects that it prints."""

    def call(*arguments: str | Path) -> list[Any]:
        assert run([*map(str, arguments), "--json"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    return call


def test_next_adds_up_to_one(tiny: Path, rows: Json) -> None:
    [found] = rows("next", "Once upon", "-k", "3", "-m", tiny)
    assert [row["rank"] for row in found["next"]] == [1, 2, 3]
    assert found["rest_mass"] + sum(row["prob"] for row in found["next"]) == pytest.approx(1)


def test_next_as_a_table(tiny: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["next", "Once upon", "-k", "3", "-m", str(tiny)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "Once upon"
    assert [line.split()[0] for line in lines[1:]] == ["1", "2", "3", "all"]
    assert "\u2588" in lines[1]


def test_a_file_a_pipe_and_a_text_have_one_score(
    tiny: Path, tmp_path: Path, rows: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    text = "The robot went to the river."
    (tmp_path / "story.txt").write_text(text, encoding="utf-8")
    [of_file] = rows("score", tmp_path / "story.txt", "--per-token", "-m", tiny)
    [of_text] = rows("score", text, "--per-token", "-m", tiny)
    assert of_file.pop("source") == str(tmp_path / "story.txt")
    assert of_text.pop("source") == "argument"
    assert of_file == of_text
    assert of_file["bytes"] == 28
    assert of_file["nll"] == pytest.approx(-sum(of_file["token_logprobs"]))
    assert run(["score", "stroy.txt", "-m", str(tiny)]) == 0
    captured = capsys.readouterr()
    assert "note: there is no file 'stroy.txt'" in captured.err
    assert "bits per byte" in captured.out


def test_params_of_a_directory(tiny: Path, rows: Json) -> None:
    [table] = rows("params", tiny)
    assert table["config"]["n_embd"] == 20
    assert table["total"] == sum(m["parameters"] * m["copies"] for m in table["matrices"])
    assert table["weight_bytes"]["float16"] == 2 * table["total"]


def test_params_of_the_largest_size_as_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["params", "gpt2-xl"]) == 0
    out = capsys.readouterr().out
    assert "1,557,611,200" in out
    assert "307,200 bytes of key-value cache a token" in out
    assert max(map(len, out.splitlines())) <= 100


def test_models_are_listed(rows: Json) -> None:
    assert {"pocket", "gpt2", "gpt2-xl"} <= {row["name"] for row in rows("models")}


def test_convert_there_and_back(tiny: Path, tmp_path: Path, rows: Json) -> None:
    [there] = rows("convert", tiny, tmp_path / "nano", "--to", "nanogpt")
    assert (there["layout"], there["max_difference"]) == ("nanogpt", 0.0)
    [back] = rows("convert", tmp_path / "nano", tmp_path / "hf", "--to", "hf")
    assert back["fingerprint"] == there["fingerprint"]
    [half] = rows("convert", tiny, tmp_path / "half", "--to", "hf", "--dtype", "float16")
    assert half["dtype"] == "float16"
    assert half["bytes"] < back["bytes"]
    one, other = (
        rows("generate", "Once", "--seed", "1", "-m", path)[0]["text"]
        for path in (tiny, tmp_path / "hf")
    )
    assert one == other


def test_convert_quantizes_and_says_what_it_costs(
    tiny: Path, tmp_path: Path, rows: Json, capsys: pytest.CaptureFixture[str]
) -> None:
    [eight] = rows("convert", tiny, tmp_path / "eight", "--dtype", "int8")
    [four] = rows("convert", tiny, tmp_path / "four", "--dtype", "int4")
    assert (eight["layout"], eight["dtype"], four["dtype"]) == ("hf", "int8", "int4")
    assert 0 < eight["quality"]["kl"] < four["quality"]["kl"]
    assert four["bytes"] < eight["bytes"]
    [written] = rows("generate", "Once", "--seed", "1", "-m", tmp_path / "four")
    assert written["text"]
    assert run(["convert", str(tiny), str(tmp_path / "told"), "--dtype", "int8"]) == 0
    said = " ".join(capsys.readouterr().err.split())
    assert "tokens that the source wrote, the perplexity changed by" in said
    assert "nats a token" in said


def test_beams_and_biases_reach_the_model(tiny: Path, rows: Json) -> None:
    options = ["Once", "-m", tiny, "--max-tokens", "3"]
    found = rows("generate", *options, "-n", "2", "--beams", "2")
    assert [row["index"] for row in found] == [0, 1]
    [biased] = rows("generate", *options, "--logit-bias", "17=1000")
    assert biased["ids"] == [17, 17, 17]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["generate", "x", "--temperature", "-1"], 2, "temperature is -1.0."),
        (["generate", "x", "--overflow", "wrap"], 2, "overflow is 'wrap'."),
        (["generate", "x", "--seed", "-3"], 2, "-3"),
        (["generate", "a " * 600], 2, "512"),
        (["generate", "@nowhere.txt"], 3, "Cannot read nowhere.txt"),
        (["next", "x", "-k", "0"], 2, "k is 0."),
        (["score", ""], 2, "empty"),
        (["score", "x", "--stride", "0"], 2, "stride"),
        (["detokenize", "12", "999"], 2, "999"),
        (["detokenize", "12", "x"], 2, "An id is 'x'."),
    ],
)
def test_errors_name_the_value_and_the_way_out(
    tiny: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, message: str
) -> None:
    assert run([*arguments, "-m", str(tiny)]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    what, hint = captured.err.splitlines()
    assert what.startswith("error: ")
    assert message in what
    assert hint


@pytest.mark.parametrize("columns", ["40", "120"])
def test_demo_in_a_pipe(
    tiny: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert run(["demo", "-m", str(tiny)]) == 0
    out = capsys.readouterr().out
    assert "The little girl opened the ..." in out
    assert "cutaway --help" in out
    assert "Once upon a time" in out
