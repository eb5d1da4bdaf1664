"""Every command in a process of its own, as a shell runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from processes import environment, run

PACKAGE = Path(__file__).parents[2] / "src" / "cutaway"


def test_help_version_and_tokenizers_need_no_torch() -> None:
    program = (
        "import sys\n"
        "from cutaway.cli.app import run\n"
        "for line in ('--help', '--version', 'generate --help', 'tokenize hello -m gpt2 --ids'):\n"
        "    assert run(line.split()) == 0\n"
        "    if 'tokenize' not in line:\n"
        "        assert not {'numpy', 'rich', 'tiktoken'} & set(sys.modules), line\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, env=environment(), check=False
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stdout.decode().splitlines()[-1] == "31373"


def test_generate_writes_the_same_text_for_the_same_seed(tiny: Path) -> None:
    options = ["-m", tiny, "--seed", "7", "--max-tokens", "12"]
    first = run("Once upon", *options)
    assert first.code == 0, first.err
    assert first.out.startswith("Once upon")
    assert first.out.endswith("\n")
    assert "tiny, seed 7: 12 tokens in " in first.err
    second = run("generate", "-", "--no-stream", *options, stdin="Once upon\n")
    assert second.out == first.out


def test_generate_json_from_a_pipe_is_one_object_for_each_sample(tiny: Path) -> None:
    done = run("-n", "3", "--seed", "7", "--max-tokens", "4", "--json", "-m", tiny, stdin="Once")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert {row["prompt"] for row in rows} == {"Once"}
    assert len({row["text"] for row in rows}) == 3


def test_next_pick_score_and_params_of_a_directory(tiny: Path, tmp_path: Path) -> None:
    found = json.loads(run("next", "Once upon", "-k", "3", "--json", "-m", tiny).out)
    assert len(found["next"]) == 3
    assert found["rest_mass"] + sum(row["prob"] for row in found["next"]) == pytest.approx(1)

    picked = run("pick", "Once upon", "-k", "3", "-m", tiny, stdin="1\n2\nu\nq\n")
    assert picked.code == 0, picked.err
    assert picked.out == f"Once upon{bytes.fromhex(found['next'][0]['bytes']).decode()}\n"
    assert picked.err.count("others") == 4

    (tmp_path / "story.txt").write_text("The robot went to the river.\n", encoding="utf-8")
    score = json.loads(
        run("score", tmp_path / "story.txt", "--per-token", "--json", "-m", tiny).out
    )
    assert score["bytes"] == 29
    assert score["nll"] == pytest.approx(-sum(score["token_logprobs"]))

    table = json.loads(run("params", tiny, "--json").out)
    assert table["config"]["n_embd"] == 20
    assert table["total"] == sum(m["parameters"] * m["copies"] for m in table["matrices"])


def test_models_are_listed() -> None:
    rows = [json.loads(line) for line in run("models", "--json").out.splitlines()]
    assert {"pocket", "gpt2", "gpt2-xl"} <= {row["name"] for row in rows}


def test_params_of_the_largest_size_as_a_table() -> None:
    done = run("params", "gpt2-xl")
    assert done.code == 0, done.err
    assert "1,557,611,200" in done.out
    assert "307,200 bytes of key-value cache a token" in done.out


def test_tokens_of_any_bytes_come_back_exactly(tiny: Path) -> None:
    data = bytes(range(256)) + "Once upon \u4f60\u597d \U0001f600\n".encode()
    ids = run("tokenize", "-", "--ids", "-m", tiny, stdin=data)
    back = subprocess.run(
        [sys.executable, "-m", "cutaway", "detokenize", "-", "-m", str(tiny)],
        input=ids.out.encode(),
        capture_output=True,
        env=environment(),
        check=True,
    )
    assert back.stdout == data


def test_a_vocabulary_is_trained_and_used(tmp_path: Path) -> None:
    (tmp_path / "corpus").mkdir()
    (tmp_path / "corpus" / "a.txt").write_text("the robot obeys the robot\n" * 200)
    options = ["--vocab-size", "264", "--out", tmp_path / "vocabulary"]
    trained = run("tokenizer", "train", tmp_path / "corpus", *options, "--json")
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)["vocab_size"] == 264
    ids = run("tokenize", "the robot", "--json", "-m", tmp_path / "vocabulary")
    assert "".join(json.loads(ids.out)["pieces"]) == "the robot"
    drawing = run("tokenize", " the", "--merges", "-m", tmp_path / "vocabulary").out
    assert drawing.splitlines()[1].split()[:5] == ["0", "\u2423", "t", "h", "e"]


def test_demo_in_a_pipe_and_a_narrow_window(tiny: Path) -> None:
    done = run("demo", "-m", tiny, COLUMNS="40")
    assert done.code == 0, done.err
    assert "\x1b" not in done.out.replace("\\x1b", "")
    assert "The little girl opened the ..." in done.out
    assert "cutaway --help" in done.out


@pytest.mark.weights
@pytest.mark.skipif(not (PACKAGE / "assets" / "pocket").exists(), reason="no bundled model")
def test_the_bundled_model_writes_a_story() -> None:
    done = run("demo")
    assert done.code == 0, done.err
    assert "Once upon a time" in done.out
    assert len(done.out) > 600


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["next", "x", "-m", "no/such/model"], 3, "no/such/model"),
        (["generate", "x", "--temperature", "-1", "-m", "TINY"], 2, "temperature is -1.0."),
        (["generate", "a " * 600, "-m", "TINY"], 2, "512"),
        (["generate", "@nowhere.txt"], 3, "Cannot read nowhere.txt"),
        (["detokenize", "12", "999", "-m", "TINY"], 2, "999"),
    ],
)
def test_errors_are_two_lines_on_stderr(
    tiny: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run(*(str(tiny) if argument == "TINY" else argument for argument in arguments))
    assert done.code == code
    assert done.out == ""
    what, hint = done.err.splitlines()
    assert what.startswith("error: ")
    assert message in what
    assert hint
