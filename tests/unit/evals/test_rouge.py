"""ROUGE against counts by hand, and the baselines beside it."""

import json
import lzma
from pathlib import Path

import pytest

from cutaway.errors import DataError, MissingExtra
from cutaway.evals import rouge as module
from cutaway.evals.rouge import Document, Rouge, read_documents, rouge, summaries_rouge, take


def test_counted_by_hand() -> None:
    """4 words against 3: two shared words, one shared pair, a common subsequence of 2."""
    found = rouge(["the cat sat"], [["a cat sat down"]])
    assert found.rouge1 == pytest.approx(2 * (2 / 3) * (2 / 4) / (2 / 3 + 2 / 4))
    assert found.rouge2 == pytest.approx(2 * (1 / 2) * (1 / 3) / (1 / 2 + 1 / 3))
    assert found.rouge_l == pytest.approx(found.rouge1)
    assert str(Rouge(0.25, 0.125, 1.0)) == "25.00 / 12.50 / 100.00"


def test_order_counts_for_l_alone_and_words_are_stemmed() -> None:
    found = rouge(["running dogs"], [["dog runs"]])
    assert found == Rouge(1.0, 0.0, 0.5)


def test_means_over_documents_and_the_best_of_references() -> None:
    found = rouge(["a b", "x"], [["c", "a b", "b a"], ["y"]])
    assert found == Rouge(0.5, 0.5, 0.5)
    assert rouge([""], [["a"]]) == Rouge(0.0, 0.0, 0.0)


def test_as_many_summaries_as_documents() -> None:
    for predictions, references in (([], []), (["a"], [["a"], ["b"]])):
        with pytest.raises(DataError, match=r"summaries of \d documents"):
            rouge(predictions, references)


DOCUMENT = Document(
    sentences=("One a.", "Two b.", "Three c.", "Four d.", "Five e."),
    text="One a. Two b. Three c. Four d. Five e.",
    references=("one a two b three c",),
)


def test_baselines_are_beside_it() -> None:
    found = summaries_rouge([DOCUMENT], ["four d"], seed=3)
    assert found.lead == Rouge(1.0, 1.0, 1.0)
    assert 0 < found.random.rouge1 < 1
    assert found.system == Rouge(0.0, 0.0, 0.0)
    assert found.words == 2
    assert [figure.label.strip() for figure in found.figures] == [
        "ROUGE",
        "of lead-3",
        "of random-3",
    ]
    for part in ("1 documents", "Porter", "not rougeLsum", "random-3 (seed 3)", "white space"):
        assert part in found.protocol
    assert "references" not in found.protocol
    assert json.loads(json.dumps(found.to_dict()))["lead"]["rouge2"] == 1.0


def test_random_sentences_depend_on_the_seed_and_their_place_alone() -> None:
    """A limit changes no draw of the documents that are left."""
    many = [DOCUMENT] * 6
    whole = summaries_rouge(many, ["x"] * 6).random
    assert whole == summaries_rouge(many, ["x"] * 6).random
    assert whole != summaries_rouge(many, ["x"] * 6, seed=1).random
    each = [module._drawn(DOCUMENT, f"0 {i}") for i in range(6)]
    assert len(set(each)) > 1
    for text in each:
        places = [DOCUMENT.text.index(part) for part in text.split(". ")]
        assert places == sorted(places)
        assert len(places) == 3
    assert module._drawn(Document(sentences=("A.",), text="A.", references=("a",)), "0") == "A."


def written(path: Path, *records: object) -> Path:
    text = "\n".join(json.dumps(record) for record in records) + "\n"
    if path.suffix == ".xz":
        path.write_bytes(lzma.compress(text.encode()))
    else:
        path.write_text(text)
    return path


def test_documents_are_read_in_both_forms(tmp_path: Path) -> None:
    path = written(
        tmp_path / "a.jsonl.xz",
        {"source": ["One a.", " ", "Two b. Three."], "target": ["x", "y"]},
        {"source": "One a. Two b.", "target": "x"},
    )
    listed, plain = read_documents(path, document="source", summary="target")
    assert listed.sentences == ("One a.", "Two b. Three.")
    assert listed.references == ("x", "y")
    assert listed.text == "One a. Two b. Three."
    assert plain.sentences == ("One a.", "Two b.")
    assert plain.where == f"{path}:2"
    assert take(read_documents(path, document="source", summary="target"), 1) == [listed]
    assert summaries_rouge([listed, plain], ["y", "x"]).references == 2
    assert "up to 2 references" in summaries_rouge([listed, plain], ["y", "x"]).protocol


@pytest.mark.parametrize(
    ("record", "message"),
    [
        ({"source": "a"}, r"line 2: no field 'target'"),
        ({"sorce": "a", "target": "b"}, r"line 2: no field 'source'.*\n.*'sorce'"),
        ({"source": " ", "target": "b"}, r"line 2: 'source' has no text"),
        ({"source": "a", "target": []}, r"line 2: 'target' has no text"),
        ({"source": "a", "target": ["b", 3]}, r"line 2: 'target' has no text"),
        (["source"], r"line 2: no JSON object"),
    ],
)
def test_a_bad_line_is_named(tmp_path: Path, record: object, message: str) -> None:
    path = written(tmp_path / "a.jsonl", {"source": "a", "target": "b"}, record)
    with pytest.raises(DataError, match=message):
        list(read_documents(path, document="source", summary="target"))
    with pytest.raises(DataError, match="No documents"):
        take([], None)


def test_without_the_library_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}")

    monkeypatch.setattr(module, "import_module", absent)
    with pytest.raises(MissingExtra, match=r"ROUGE needs rouge-score.*\n.*pip install"):
        rouge(["a"], [["a"]])
