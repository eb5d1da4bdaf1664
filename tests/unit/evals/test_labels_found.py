"""Accuracy and F1 against what one counts by hand, and the baseline beside them."""

import json
from pathlib import Path

import pytest

from cutaway.errors import DataError
from cutaway.evals.classification import labels_found, read_labelled

RIGHT = ["a", "a", "a", "b", "b", "c"]
FOUND = ["a", "a", "b", "b", "d", "a"]


def test_what_is_counted() -> None:
    found = labels_found(RIGHT, FOUND, made="by hand")
    assert found.accuracy == pytest.approx(3 / 6)
    f1 = {label.label: label.f1 for label in found.labels}
    # a: precision 2/3, recall 2/3; b: precision 1/2, recall 1/2; c and d: never right
    assert f1 == {"a": pytest.approx(2 / 3), "b": pytest.approx(1 / 2), "c": 0.0, "d": 0.0}
    assert found.macro_f1 == pytest.approx((2 / 3 + 1 / 2) / 4)
    assert "by hand; 6 examples of 3 labels" in found.protocol
    assert "4 labels that they have or were given" in found.protocol


def test_the_commonest_label_is_beside_it() -> None:
    most = labels_found(RIGHT, FOUND).majority
    assert most.accuracy == pytest.approx(3 / 6)
    assert most.macro_f1 == pytest.approx((2 * 3 / (3 + 6)) / 3)  # of a alone; d is in none
    figures = labels_found(RIGHT, FOUND).figures
    assert [figure.value for figure in figures] == ["50.00 %", "50.00 %", "29.17 %", "22.22 %"]
    assert "'a' always" in figures[1].note
    told = json.loads(json.dumps(labels_found(RIGHT, FOUND, limit=6).to_dict()))
    assert told["majority"] == {
        "label": "a", "accuracy": pytest.approx(0.5), "macro_f1": pytest.approx(2 / 9),
    }  # fmt: skip
    assert told["labels"][1] == {"label": "b", "n": 2, "n_found": 2, "n_right": 1, "f1": 0.5}
    assert "the first 6 examples" in told["protocol"]


def test_all_right_and_nothing() -> None:
    found = labels_found(["x", "y"], ["x", "y"])
    assert (found.accuracy, found.macro_f1) == (1.0, 1.0)
    for right, given in (([], []), (["a"], [])):
        with pytest.raises(DataError, match="labels of"):
            labels_found(right, given)


def test_examples_are_read_and_a_label_that_is_unknown_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    records = [{"text": "x", "label": 1}, {"text": "y", "label": "0"}, {"text": "z", "label": 2}]
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    fields = ("text", "label")
    two = read_labelled(path, fields=fields, labels=["0", "1"], limit=2)
    assert [(pair.source, pair.target) for pair in two] == [("x", "1"), ("y", "0")]
    with pytest.raises(DataError, match=rf"{path}:3: the label '2' is none of the 2"):
        read_labelled(path, fields=fields, labels=["0", "1"])
    path.write_text("\n")
    with pytest.raises(DataError, match="has no examples"):
        read_labelled(path, fields=fields, labels=["0", "1"])
