"""The Children's Book Test: its files, and answers worked out by hand."""

import io
import json
import tarfile
from pathlib import Path

import pytest

from cutaway.errors import DataError
from cutaway.evals import cbt, read_cbt
from fixed_models import favouring

STORY = [f"Sentence {i} , he did n't see ." for i in range(1, 20)]


def example(question: str, answer: str, candidates: str, *, last: str = "`` Well ! ''") -> str:
    """21 lines as they are published, and the empty line behind them."""
    lines = [*STORY, last, f"{question}\t{answer}\t\t{candidates}"]
    return "".join(f"{i} {line}\n" for i, line in enumerate(lines, start=1)) + "\n"


TWO = example("`` The XXXXX is old , '' said he .", "king", "king|sea|tree") + example(
    "He saw the XXXXX", "sea", "king|sea"
)


def test_a_question_is_the_story_and_the_choices_with_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "cbtest_CN_valid_2000ex.txt"
    path.write_text(TWO)
    first, second = read_cbt(path)
    story = " ".join(f"Sentence {i}, he didn't see." for i in range(1, 20)) + ' "Well!"'
    assert first.context == f'{story} "The '
    assert first.choices == tuple(f'{word} is old," said he.' for word in ("king", "sea", "tree"))
    assert (first.answer, first.group) == (0, "CN")
    assert second.context == f"{story} He saw the "
    assert (second.choices, second.answer) == (("king", "sea"), 1)
    plain, _ = read_cbt(path, detokenized=False)
    assert plain.context == " ".join([*STORY, "`` Well ! ''", "`` The "])
    assert plain.choices[0] == "king is old , '' said he ."


def test_the_choice_with_the_most_probable_sentence_wins(tmp_path: Path) -> None:
    """This model likes every ``s``, so the longest row of them costs least per sentence."""
    for kind, text in (
        ("CN", example("XXXXX a", "ssss", "ssst|ssss|xsss") + example("XXXXX", "t", "s|t")),
        ("NE", example("XXXXX", "s", "s|t")),
    ):
        (tmp_path / f"cbtest_{kind}_valid_2000ex.txt").write_text(text)
    model, tokenizer = favouring("s", n_ctx=900)
    paths = sorted(tmp_path.iterdir())
    questions = [one for path in paths for one in read_cbt(path)]
    found = cbt(model, tokenizer, questions)
    assert {kind: tally.accuracy for kind, tally in found.kinds.items()} == {"CN": 0.5, "NE": 1.0}
    assert found.cut == 0
    fields = json.loads(json.dumps(found.to_dict()))
    assert fields["questions"] == {"CN": 2, "NE": 1}
    assert [figure.label for figure in found.figures] == ["CBT-CN accuracy", "CBT-NE accuracy"]
    limited = cbt(model, tokenizer, questions, limit=1)
    assert limited.kinds["CN"].asked == 1
    assert "first 1 of each kind" in limited.protocol
    short, _ = favouring("s", n_ctx=64)
    assert "3 stories cut" in cbt(short, tokenizer, questions).protocol


def test_the_archive_has_the_parts_that_the_paper_reports(tmp_path: Path) -> None:
    path = tmp_path / "CBTest.tgz"
    with tarfile.open(path, "w:gz") as archive:
        for kind in ("CN", "NE", "P"):
            for part in ("test_2500ex", "valid_2000ex"):
                text = example(f"{kind} {part} XXXXX", "a", "a|b").encode()
                entry = tarfile.TarInfo(f"CBTest/data/cbtest_{kind}_{part}.txt")
                entry.size = len(text)
                archive.addfile(entry, io.BytesIO(text))
    found = list(read_cbt(path))
    assert [question.group for question in found] == ["CN", "NE"]
    assert all("valid" in question.context for question in found)


def test_quirks_of_candidates(tmp_path: Path) -> None:
    """Empty ones are left out and equal ones taken once, so that one can be strictly the best."""
    path = tmp_path / "cbtest_NE_test_2500ex.txt"
    path.write_text(example("He saw XXXXX .", "Ann", "Ann||Bob|Ann"))
    [question] = read_cbt(path)
    assert question.choices == ("Ann.", "Bob.")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a story\n", "line 1: not sentence 1"),
        ("1 one\n3 three\n", "line 2: not sentence 2"),
        (example("He saw XXXXX", "a", "a|b") + "1 one\n", "line 23: ends after sentence 1"),
        (example("He saw XXXXX", "a", "b|c"), "line 21: the answer 'a' is none of"),
        (example("He saw", "a", "a|c"), "line 21: 0 times XXXXX"),
        (example("He saw XXXXX", "a", "a|b").replace("\t\t", "\t"), "line 21: 3 columns, not 4"),
        ("", "is empty"),
    ],
)
def test_damaged_files_are_refused(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "cbtest_CN_test_2500ex.txt"
    path.write_text(text)
    with pytest.raises(DataError, match=message) as caught:
        list(read_cbt(path))
    assert str(path) in caught.value.what


def test_nothing_to_ask() -> None:
    with pytest.raises(DataError, match="No questions"):
        cbt(*favouring("s"), [])
