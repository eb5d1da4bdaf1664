"""The gate for models of performances: its limits, its floor, and the pictures."""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
from benchmarks.music_gate import LIMITS, failures, gate, noise
from benchmarks.music_pictures import roll_picture, spectrogram, spectrogram_picture

from cutaway.drawing import Rect
from cutaway.models import GPT2
from cutaway.music import Note, Performance
from toy_music import TUNE, piano_model


def test_a_random_model_fails_and_is_told_why(enliven: Callable[..., GPT2], tmp_path: Path) -> None:
    held_out = [
        Performance([note._replace(pitch=note.pitch + i) for note in TUNE.notes]) for i in range(8)
    ]
    options = argparse.Namespace(
        n=2, seconds=3.0, temperature=1.0, top_p=1.0, seed=1, scored=1, context=None,
        most_nll=1.0, out=tmp_path, pictures=1, wav=False,
    )  # fmt: skip
    report = gate(piano_model(enliven), held_out, options)
    failed = report["failed"]
    assert not report["passed"]
    assert isinstance(failed, list)
    assert any(line.startswith("senseless events") for line in failed)
    assert any(line.startswith("nll is") for line in failed)
    assert len(list(tmp_path.glob("*.png"))) == 6


def test_limits_are_at_least_at_most_or_between() -> None:
    good = {name: sum(x) / 2 if isinstance(x, tuple) else x for name, x in LIMITS.items()}
    assert failures({**good, "empty performances": 0}, None) == []
    for name, value in (("senseless events", 0.5), ("velocity", 2.0), ("velocity", 0.1)):
        [told] = failures({**good, "empty performances": 0, name: value}, None)
        assert told.startswith(f"{name} is {value}")
    assert failures({**good, "empty performances": 0, "nll": 2.0}, 1.5) == [
        "nll is 2.0, the limit 1.5"
    ]


def test_noise_is_as_long_as_it_is_to_be_and_another_for_each_seed() -> None:
    assert 0 < noise(5.0, 1).seconds <= 5.0
    assert noise(5.0, 1) != noise(5.0, 2)


def test_a_roll_has_a_box_for_each_note_in_each_strip() -> None:
    long = Performance([*TUNE.notes, Note(1.9, 2.5, 50, 64)])
    boxes = [
        shape
        for shape in roll_picture(long, "a", seconds=2.0).shapes
        if isinstance(shape, Rect) and shape.fill != "none"
    ]
    assert len(boxes) == len(TUNE) + 2  # the last goes over into the second strip


def test_a_spectrogram_is_loudest_where_the_tone_is() -> None:
    rate = 16_000
    seconds = np.arange(2 * rate) / rate
    tone = np.sin(2 * np.pi * 440 * seconds).astype(np.float32)
    levels = spectrogram(tone, rate, 20)
    assert levels.max() == 0.0
    assert (levels.argmax(axis=0) == 69 - 21).all()
    assert levels[60].max() < -40
    assert len(spectrogram_picture(tone, rate, "a").shapes) > 10
