"""HellaSwag: its file, and answers worked out by hand."""

import json
from pathlib import Path
from typing import Any

import pytest

from cutaway.errors import DataError
from cutaway.evals import Question, hellaswag, read_hellaswag
from fixed_models import favouring

SCENE: dict[str, Any] = {
    "ind": 24,
    "activity_label": "Roof shingle removal",
    "ctx_a": "A man is sitting on a roof.",
    "ctx_b": "he",
    "ctx": "A man is sitting on a roof. he",
    "split": "val",
    "split_type": "indomain",
    "label": 3,
    "endings": ["is using wrap.", "is ripping tiles off.", "is in.", "starts pulling up."],
    "source_id": "activitynet~v_x",
}


def write(path: Path, *records: object) -> Path:
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_context_and_endings_are_put_together(tmp_path: Path) -> None:
    wikihow = {
        **SCENE,
        "activity_label": "Home and Garden",
        "ctx_a": "[header] How to tile [title] Buy tiles. [step] Go  out.",
        "ctx_b": "",
        "label": "0",  # as in copies of the data set
        "endings": ["[substeps] Take [title] money.", "b", "c", "d"],
    }
    first, second = read_hellaswag(write(tmp_path / "hellaswag_val.jsonl", SCENE, wikihow))
    assert first.context == "Roof shingle removal: A man is sitting on a roof. He"
    assert first.choices == tuple(f" {ending}" for ending in SCENE["endings"])
    assert (first.answer, second.answer) == (3, 0)
    assert second.context == "Home and Garden: How to tile. Buy tiles. Go out."
    assert second.choices[0] == "  Take. money."


def test_sums_and_means_by_hand() -> None:
    """This model likes every ``s``: the sum favours short endings, the mean those of many s."""
    model, tokenizer = favouring("s")
    scenes = [
        Question("a", (" x", " sxsx", " xxxx", " xxx"), 0),  # the sum is right, the mean is not
        Question("a", (" x", " sxsx", " xxxx", " xxx"), 1),  # the other way about
        Question("a", (" ssss", " sxsx", " xxxx", " xxx"), 0),  # both
    ]
    found = hellaswag(model, tokenizer, scenes)
    assert (found.scenes, found.correct, found.correct_norm) == (3, 2, 2)
    assert found.accuracy == pytest.approx(2 / 3)
    first = hellaswag(model, tokenizer, scenes, limit=1)
    assert (first.accuracy, first.accuracy_norm) == (1.0, 0.0)
    assert "the first 1 scenes" in json.loads(json.dumps(first.to_dict()))["protocol"]
    with pytest.raises(DataError, match="No scenes"):
        hellaswag(model, tokenizer, [])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"label": 4}, "label 4 is none of 4 endings"),
        ({"label": ""}, "label '' is none of 4 endings"),
        ({"label": -1}, "label -1 is none of"),
        ({"endings": "abcd"}, "a field is not text"),
        ({"endings": ["a", 3]}, "a field is not text"),
        ({"ctx_b": None}, "a field is not text"),
    ],
)
def test_a_wrong_field_is_named(tmp_path: Path, change: dict[str, object], message: str) -> None:
    path = write(tmp_path / "hellaswag_val.jsonl", SCENE, {**SCENE, **change})
    with pytest.raises(DataError, match=rf"hellaswag_val\.jsonl, line 2: {message}"):
        list(read_hellaswag(path))


def test_the_part_without_labels_is_refused(tmp_path: Path) -> None:
    scene = {name: value for name, value in SCENE.items() if name != "label"}
    with pytest.raises(DataError, match="line 1: no label"):
        list(read_hellaswag(write(tmp_path / "hellaswag_test.jsonl", scene)))
    with pytest.raises(DataError, match="line 1: no JSON object"):
        list(read_hellaswag(write(tmp_path / "list.jsonl", [1])))
    with pytest.raises(DataError, match="is empty"):
        list(read_hellaswag(write(tmp_path / "nothing.jsonl")))
