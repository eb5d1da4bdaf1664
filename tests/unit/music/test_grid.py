"""Chorales in sixteenth notes: both forms of the data, and ids by step from soprano to bass."""

import json
import lzma
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import DataError
from cutaway.music import (
    Chorale,
    chorale_tokenizer,
    decode_chorale,
    encode_chorale,
    read_chorales,
)
from cutaway.music.grid import SILENCE, VOICES

SEPARATE = {"train": [[[72, 67, 60, 48], [72, 67, 62, -1]]], "valid": [[[-1, -1, -1, -1]]]}


def test_ids_go_by_step_from_soprano_to_bass() -> None:
    assert VOICES == ("soprano", "alto", "tenor", "bass")
    chorale = Chorale(np.array([[72, 72], [67, 67], [60, 62], [48, SILENCE]]))
    ids = encode_chorale(chorale)
    assert ids == [72, 67, 60, 48, 72, 67, 62, 128]
    assert decode_chorale(ids) == chorale
    assert hash(decode_chorale(ids)) == hash(chorale)
    tokenizer = chorale_tokenizer()
    assert tokenizer.decode(ids[4:]) == " PITCH_72 PITCH_67 PITCH_62 SILENCE"
    assert (tokenizer.eot, tokenizer.vocab_size) == (129, 130)


@given(st.lists(st.lists(st.integers(0, 128), min_size=4, max_size=4), max_size=20))
def test_any_chorale_comes_back(steps: list[list[int]]) -> None:
    chorale = Chorale(np.array(steps, dtype=int).reshape(-1, 4).T)
    assert chorale.n_steps == len(steps)
    assert decode_chorale(encode_chorale(chorale)) == chorale


@pytest.mark.parametrize("packed", [False, True])
def test_four_numbers_at_every_step(tmp_path: Path, packed: bool) -> None:
    path, data = tmp_path / "c.json", json.dumps(SEPARATE).encode()
    path.write_bytes(lzma.compress(data) if packed else data)
    found = read_chorales(path)
    assert {part: [encode_chorale(c) for c in chorales] for part, chorales in found.items()} == {
        "train": [[72, 67, 60, 48, 72, 67, 62, 128]],
        "valid": [[128, 128, 128, 128]],
    }


def test_only_what_sounds_goes_to_the_voices_that_are_near(tmp_path: Path) -> None:
    steps = [[72.0, 67.0, 60.0, 48.0], [74, 61, 50], [], [59, 49], [72, 67, 60, 48]]
    path = tmp_path / "c.json"
    path.write_text(json.dumps({"test": [steps]}), encoding="utf-8")
    [chorale] = read_chorales(path)["test"]
    assert chorale.voices.T.tolist() == [
        [72, 67, 60, 48],
        [74, 128, 61, 50],
        [128, 128, 128, 128],
        [128, 128, 59, 49],
        [72, 67, 60, 48],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is damaged"),
        ("[]", "holds no parts"),
        ("{}", "holds no parts"),
        ('{"train": 3}', "train is not a list"),
        ('{"train": [3]}', "train, chorale 1 is not a list"),
        ('{"train": [[[1,2,3,4], 5]]}', "chorale 1, step 2 is not a list"),
        ('{"train": [[[1,2,3,4,5]]]}', "chorale 1, step 1 is [1, 2, 3, 4, 5]"),
        ('{"train": [[[1,2,3,128]]]}', "step 1 is [1, 2, 3, 128]"),
        ('{"train": [[["72"]]]}', "step 1 is ['72']"),
        ('{"train": [[[72.5]]]}', "step 1 is [72.5]"),
        ('{"train": [[[NaN]]]}', "step 1 is [nan]"),
        ('{"train": [[[1e999]]]}', "step 1 is [inf]"),
        ('{"train": [[[true]]]}', "step 1 is [True]"),
        ("[" * 100_000, "is damaged"),
    ],
)
def test_damaged_files_are_refused_with_the_place(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "c.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_chorales(path)
    assert message in caught.value.what
    assert str(path) in caught.value.what


def test_damaged_packing_and_missing_files(tmp_path: Path) -> None:
    path = tmp_path / "c.json.xz"
    path.write_bytes(lzma.compress(json.dumps(SEPARATE).encode())[:-20])
    with pytest.raises(DataError, match="is damaged"):
        read_chorales(path)
    with pytest.raises(DataError, match="No such file"):
        read_chorales(tmp_path / "none.json")


@pytest.mark.parametrize(
    ("voices", "message"),
    [
        (np.zeros((3, 4), int), r"shape \(3, 4\)"),
        (np.zeros((4, 2)), "type float64"),
        (np.array([[1], [2], [129], [3]]), "The tenor at step 0 is 129"),
        (np.array([[1], [-1], [9], [3]]), "The alto at step 0 is -1"),
    ],
)
def test_what_is_no_chorale(voices: np.ndarray, message: str) -> None:
    with pytest.raises(DataError, match=message):
        Chorale(voices)


def test_ids_that_are_no_whole_steps() -> None:
    with pytest.raises(DataError, match="5 ids are no whole steps"):
        decode_chorale([1, 2, 3, 4, 5])
