"""Whatever is altered in a checkpoint is noticed, named, and passed over."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.checkpoints.pieces import damage
from cutaway.errors import (
    CorruptCheckpoint,
)
from cutaway.training.checkpoint import Checkpoints
from toy_states import equal, fresh, step, trained

PIECES = ("manifest.json", "model.safetensors", "optimizer.safetensors", "state.json")


@pytest.fixture
def checkpoints(tmp_path: Path) -> Checkpoints:
    return Checkpoints(tmp_path / "checkpoints", keep=2)


def names(checkpoints: Checkpoints) -> list[str]:
    return sorted(path.name for path in checkpoints.directory.iterdir())


@pytest.fixture
def two(checkpoints: Checkpoints) -> tuple[Path, Path]:
    """Two checkpoints of different states."""
    state = trained()
    first = checkpoints.save(1, state, {"seed": 1})
    step(state)
    second = checkpoints.save(2, state, {"seed": 1})
    assert first is not None
    assert second is not None
    return first, second


def assert_noticed(second: Path, name: str) -> None:
    found = damage(second)
    assert found, name
    assert name in ", ".join(found)


def test_a_thousand_altered_bytes_are_noticed(two: tuple[Path, Path]) -> None:
    _, second = two
    rng = random.Random(0)
    whole = {name: (second / name).read_bytes() for name in PIECES}
    places = [(name, at) for name, data in whole.items() for at in range(len(data))]
    for name, at in rng.sample(places, 1_000):
        data = bytearray(whole[name])
        data[at] ^= rng.randrange(1, 256)
        (second / name).write_bytes(data)
        assert_noticed(second, name)
        (second / name).write_bytes(whole[name])
    assert damage(second) == []


def test_every_way_to_cut_or_lengthen_a_file_is_noticed(two: tuple[Path, Path]) -> None:
    _, second = two
    for name in PIECES:
        whole = (second / name).read_bytes()
        step = max(1, len(whole) // 100)
        for length in [*range(0, len(whole), step), len(whole) - 1]:
            (second / name).write_bytes(whole[:length])
            assert_noticed(second, name)
        (second / name).write_bytes(whole + b"\n")
        assert_noticed(second, name)
        (second / name).write_bytes(whole)
    assert damage(second) == []


def swap(a: Path, b: Path) -> None:
    other = a.with_name("other")
    a.rename(other)
    b.rename(a)
    other.rename(b)


def test_swapped_omitted_and_added_pieces_are_noticed(two: tuple[Path, Path]) -> None:
    first, second = two
    for i, one in enumerate(PIECES):
        for other in PIECES[i + 1 :]:
            swap(second / one, second / other)
            assert_noticed(second, one)
            swap(second / one, second / other)
        swap(first / one, second / one)
        assert_noticed(second, one)
        assert_noticed(first, one)
        swap(first / one, second / one)
        kept = (second / one).read_bytes()
        (second / one).unlink()
        assert_noticed(second, f"{one} (absent)")
        (second / one).symlink_to(first / one)
        assert_noticed(second, one)
        (second / one).unlink()
        (second / one).write_bytes(kept)
    (second / "notes.txt").touch()
    assert_noticed(second, "notes.txt (not in the manifest)")
    (second / "notes.txt").unlink()
    assert damage(second) == damage(first) == []
    swap(first, second)
    assert_noticed(first, "manifest.json (of step 2)")


def altered(second: Path, alter: Callable[[dict[str, object]], None]) -> None:
    fields = json.loads((second / "manifest.json").read_bytes())
    alter(fields)
    (second / "manifest.json").write_text(json.dumps(fields, indent=2) + "\n")


@pytest.mark.parametrize(
    "alter",
    [
        lambda fields: fields.update(version=1),
        lambda fields: fields.update(step=3),
        lambda fields: fields.pop("checksum"),
        lambda fields: fields["pieces"].pop("model.safetensors"),
        lambda fields: fields.update(pieces=[]),
        lambda fields: fields.update(pieces={"../a": {"bytes": 0, "sha256": ""}}),
    ],
)
def test_an_altered_manifest_is_noticed(
    two: tuple[Path, Path], alter: Callable[[dict[str, object]], None]
) -> None:
    altered(two[1], alter)
    assert_noticed(two[1], "manifest.json")


@pytest.mark.parametrize("name", PIECES)
def test_a_damaged_one_is_named_set_aside_and_the_one_before_goes_on(
    checkpoints: Checkpoints, two: tuple[Path, Path], name: str, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = two
    content = bytearray((second / name).read_bytes())
    content[len(content) // 2] ^= 1
    (second / name).write_bytes(content)
    state = fresh(seed=1)
    saved = checkpoints.resume(state)
    assert saved is not None
    assert saved.directory == first
    assert equal(state, trained())
    assert f"{second} is damaged: {name}" in caplog.text
    assert "going on from step-00000001" in caplog.text
    assert names(checkpoints) == ["aside-step-00000002", "step-00000001"]
    (first / name).unlink()
    with pytest.raises(CorruptCheckpoint, match=rf"None of the 1 .* step-00000001: {name} .absent"):
        checkpoints.resume(state)
    with pytest.raises(CorruptCheckpoint, match=rf"None of the 1 .* step-00000001: {name} .absent"):
        checkpoints.newest()


def test_a_damaged_newer_one_does_not_push_out_whole_older_ones(tmp_path: Path) -> None:
    checkpoints = Checkpoints(tmp_path, keep=1)
    state = trained()
    checkpoints.save(9, state, {})
    (tmp_path / "step-00000012").mkdir()
    checkpoints.save(10, state, {})
    assert checkpoints.newest() == tmp_path / "step-00000010"
