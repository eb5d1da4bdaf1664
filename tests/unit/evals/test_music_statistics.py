"""What sets of performances are like: features by hand, distances that tell like from unlike."""

import numpy as np
import pytest

from cutaway.errors import DataError
from cutaway.evals.music_statistics import (
    FEATURES,
    compare_sets,
    features_of,
    histogram_overlap,
)
from cutaway.music import Note, Performance
from pieces_of_music import performance


def of(notes: list[Note]) -> dict[str, list[float]]:
    return {name: values[0].tolist() for name, values in features_of([Performance(notes)]).items()}


def test_features_are_those_counted_by_hand() -> None:
    found = of([Note(1.0, 2.0, 60, 64), Note(1.0, 3.0, 64, 80), Note(4.0, 5.0, 72, 96)])
    assert found["pitch classes"] == pytest.approx([2 / 3, 0, 0, 0, 1 / 3, 0, 0, 0, 0, 0, 0, 0])
    assert found["pitch"] == pytest.approx([(60 + 64 + 72) / 3])
    assert found["pitch range"] == [12.0]
    assert found["notes per second"] == pytest.approx([3 / 4])
    assert found["velocity"] == pytest.approx([80.0])
    assert found["velocity spread"] == pytest.approx([np.std([64, 80, 96])])
    assert found["duration"] == pytest.approx([4 / 3])
    assert found["onset gap"] == pytest.approx([3.0])
    assert found["polyphony"] == pytest.approx([4 / 3])  # 4 seconds of notes in 3 that sound
    for name in ("velocities", "durations"):
        assert sum(found[name]) == pytest.approx(1.0)


def test_one_note_has_every_feature() -> None:
    found = of([Note(0.0, 0.0, 60, 64)])
    assert all(np.isfinite(values).all() for values in found.values())


def test_a_set_is_near_another_of_its_kind_and_far_from_noise() -> None:
    mine = [performance(seed, 80) for seed in range(12)]
    alike = [performance(seed, 80) for seed in range(50, 58)]
    rng = np.random.default_rng(0)
    noise = [
        Performance([
            Note(float(t), float(t) + 0.02, int(rng.integers(21, 109)), int(rng.integers(1, 128)))
            for t in rng.uniform(0, 5, 300)
        ])
        for _ in range(8)
    ]  # fmt: skip
    near, far = compare_sets(mine, alike), compare_sets(mine, noise)
    assert (near.n_reference, near.n_other) == (12, 8)
    assert near.overlap > 0.75 > 0.4 > far.overlap
    for name in ("notes per second", "pitch range", "duration"):
        assert near.features[name].overlap > far.features[name].overlap
        assert near.features[name].divergence < far.features[name].divergence
    assert far.features["velocity"].pooled is None
    assert far.features["pitch classes"].reference is None
    for one in (*near.features.values(), *far.features.values()):
        assert 0.0 <= one.overlap <= 1.0 + 1e-9
        assert one.divergence >= 0.0
    assert "8 others" in near.protocol
    assert set(near.to_dict()["features"]) == set(FEATURES)


def test_a_set_overlaps_itself() -> None:
    mine = [performance(seed, 80) for seed in range(20)]
    assert compare_sets(mine, mine).overlap > 0.9


def test_sets_without_any_variation_are_compared() -> None:
    same = [performance(1, 30)] * 3
    assert compare_sets(same, same).overlap == pytest.approx(1.0)
    assert compare_sets(same, [performance(2, 60)]).features["pitch"].overlap < 0.1


def test_too_few_pieces_are_refused() -> None:
    piece = performance()
    with pytest.raises(DataError, match="2 performances to compare with"):
        compare_sets([piece, piece], [piece])
    with pytest.raises(DataError, match="no performances"):
        compare_sets([piece] * 3, [])
    with pytest.raises(DataError, match="has no notes"):
        features_of([Performance(source="a.mid")])


def test_histograms_overlap_by_their_shares() -> None:
    assert histogram_overlap([1, 1], [5, 5]) == pytest.approx(1.0)
    assert histogram_overlap([1, 0], [0, 7]) == 0.0
