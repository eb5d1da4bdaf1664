"""How pairs are laid out, and the file that says it."""

import subprocess
import sys
from pathlib import Path

import pytest

from cutaway.data import Pair, TaskFormat
from cutaway.data.task import TASK_FILE
from cutaway.errors import (
    CheckpointError,
    ConfigError,
    ContextLengthError,
    DataError,
    TokenizerError,
)
from cutaway.tokenizers import Tokenizer
from processes import environment

BYTES = Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})
MARKED = BYTES.with_specials(["<to-de>"])


def test_a_pair_is_one_row() -> None:
    task = TaskFormat(task="translation", marker="<to-de>")
    row = task.row(MARKED, Pair("ab <to-de>", "c"))
    assert row.ids == [*b"ab <to-de>", 257, *b"c", 256]
    assert row.n_prompt == 11
    assert task.prompt_ids(MARKED, "ab <to-de>") == row.ids[: row.n_prompt]
    assert task.source_ids(MARKED, "ab") == [*b"ab", 256]
    assert task.target_ids(MARKED, "ab") == [*b"ab", 256]


def test_it_comes_back_from_its_file(tmp_path: Path) -> None:
    task = TaskFormat(task="summarization", marker="<sum>", mask="prefix")
    assert TaskFormat.find(tmp_path) is None
    task.save(tmp_path)
    assert TaskFormat.load(tmp_path) == task == TaskFormat.find(tmp_path)


def test_a_model_that_was_taught_none_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="not taught pairs") as caught:
        TaskFormat.load(tmp_path)
    assert "finetune" in caught.value.hint


@pytest.mark.parametrize(
    "content",
    [
        "{",
        "[]",
        '{"task": 3}',
        '{"tsk": "pairs"}',
        '{"mask": "full"}',
        '{"marker": ""}',
        '{"mask": "prefix", "loss": "both"}',
        '{"marker": ["a"]}',
        "x" * 2_000_000,
    ],
)
def test_a_damaged_file_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / TASK_FILE).write_text(content)
    with pytest.raises((DataError, CheckpointError), match=TASK_FILE) as caught:
        TaskFormat.load(tmp_path)
    assert caught.value.hint


def test_a_vocabulary_without_the_marker_is_named() -> None:
    with pytest.raises(TokenizerError, match="'<sep>'"):
        TaskFormat().row(MARKED, Pair("a", "b"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"task": "music"}, r"task\.task is 'music'"),
        ({"mask": "none"}, r"task\.mask"),
        ({"loss": "source"}, r"task\.loss"),
        ({"marker": ""}, r"task\.marker"),
        ({"mask": "prefix", "loss": "both"}, "nothing to predict"),
    ],
)
def test_impossible_tasks(fields: dict[str, str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskFormat(**fields)  # type: ignore[arg-type]


def test_a_prompt_that_leaves_too_little_room_is_refused_with_the_numbers() -> None:
    task = TaskFormat()
    task.check_length(90, n_ctx=100, room=10)
    with pytest.raises(ContextLengthError, match=r"a\.en:3: the text has 91 tokens .* 100 pos"):
        task.check_length(91, n_ctx=100, room=10, where="a.en:3")


def test_reading_it_loads_neither_torch_nor_all_of_the_corpora() -> None:
    program = (
        "import sys; from cutaway.data.task import TaskFormat;"
        "print({'torch', 'cutaway.data.preparation', 'dask'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "set()"


CLASSES = TaskFormat(task="classification", marker="<class>", labels=("very good", "bad"))


def test_a_label_is_one_token(tmp_path: Path) -> None:
    assert CLASSES.specials == ("<class>", "<label:very_good>", "<label:bad>")
    tokenizer = BYTES.with_specials(CLASSES.specials)
    assert dict(CLASSES.label_ids(tokenizer)) == {"very good": 258, "bad": 259}
    assert CLASSES.row(tokenizer, Pair("ab", "bad")).ids == [*b"ab", 257, 259, 256]
    with pytest.raises(DataError, match="label 'bat' is none of the 2 of the task") as caught:
        CLASSES.row(tokenizer, Pair("ab", "bat"))
    assert "'bad'" in caught.value.hint
    with pytest.raises(TokenizerError, match="<label:very_good>"):
        CLASSES.label_ids(MARKED)
    CLASSES.save(tmp_path)
    assert TaskFormat.load(tmp_path) == CLASSES


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        ((), "has 0 label"),
        (("a",), "has 1 label"),
        (tuple(map(str, range(1001))), "has 1,001 label"),
        (("a", "b", "a"), "'a' and 'a' would be one token"),
        (("a b", "a_b"), "'a b' and 'a_b' would be one token"),
        (("a", " "), "' ' cannot be a label"),
        (("a", "b\n"), "cannot be a label"),
        (("a", "b" * 57), "cannot be a label"),
    ],
)
def test_labels_that_cannot_be(labels: tuple[str, ...], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        TaskFormat(task="classification", labels=labels)


def test_only_a_classification_has_labels(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="2 labels, and the task is 'translation'"):
        TaskFormat(task="translation", labels=("a", "b"))
    assert "labels" not in TaskFormat().to_dict()
    for wrong in ('"ab"', '["a", 1]', '["a"]'):
        (tmp_path / TASK_FILE).write_text(f'{{"task": "classification", "labels": {wrong}}}')
        with pytest.raises(DataError, match=TASK_FILE):
            TaskFormat.load(tmp_path)
