"""Every command in a process of its own, as a shell runs it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.cli.app import run as run_here
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


def test_generate_writes_the_same_text_for_the_same_seed(
    tiny: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["-m", str(tiny), "--seed", "7", "--max-tokens", "12"]
    first = run("-", *options, stdin="Once upon\n")
    assert first.code == 0, first.err
    assert first.out.startswith("Once upon")
    assert first.out.endswith("\n")
    assert "tiny, seed 7: 12 tokens in " in first.err
    assert run_here(["generate", "Once upon", "--no-stream", *options]) == 0
    assert capsys.readouterr().out == first.out


def test_generate_json_from_a_pipe_is_one_object_for_each_sample(tiny: Path) -> None:
    done = run("-n", "3", "--seed", "7", "--max-tokens", "4", "--json", "-m", tiny, stdin="Once")
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["index"] for row in rows] == [0, 1, 2]
    assert {row["prompt"] for row in rows} == {"Once"}
    assert len({row["text"] for row in rows}) == 3


def test_pick_reads_lines_where_there_is_no_terminal(tiny: Path) -> None:
    picked = run("pick", "Once upon", "-k", "3", "-m", tiny, stdin="1\n2\nu\nq\n")
    assert picked.code == 0, picked.err
    assert picked.out.startswith("Once upon")
    assert picked.err.count("others") == 4


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


@pytest.mark.weights
@pytest.mark.skipif(not (PACKAGE / "assets" / "pocket").exists(), reason="no bundled model")
def test_the_bundled_model_writes_a_story() -> None:
    done = run("demo")
    assert done.code == 0, done.err
    assert "Once upon a time" in done.out
    assert len(done.out) > 600


def test_an_error_is_two_lines_on_stderr() -> None:
    done = run("next", "x", "-m", "no such model")
    assert (done.code, done.out) == (3, "")
    what, hint = done.err.splitlines()
    assert what.startswith("error: ")
    assert "no such model" in what
    assert hint
