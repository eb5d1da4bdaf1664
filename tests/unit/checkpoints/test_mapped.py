"""Bytes of a file as arrays: the same bytes in either way, and pages that are given back."""

from pathlib import Path

import numpy as np
import pytest

from cutaway.checkpoints.mapped import mapped_bytes, read_bytes
from cutaway.checkpoints.stored import in_file
from cutaway.errors import CorruptCheckpoint
from cutaway.numbers import FLOAT32

SIZE = 300_001


@pytest.fixture
def data() -> bytes:
    return np.random.default_rng(1).bytes(SIZE)


@pytest.fixture
def file(tmp_path: Path, data: bytes) -> Path:
    (tmp_path / "file").write_bytes(data)
    return tmp_path / "file"


@pytest.mark.parametrize("offset", [0, 1, 4095, 4096, 4097, 100_000])
@pytest.mark.parametrize("n_bytes", [0, 1, 65_535, 65_536, 200_001])
def test_the_bytes_are_those_of_the_file(
    file: Path, data: bytes, offset: int, n_bytes: int
) -> None:
    found = mapped_bytes(file, offset, n_bytes)
    assert found.tobytes() == data[offset : offset + n_bytes]
    assert found.flags.owndata == (n_bytes < 65_536)
    assert found.flags.owndata or not found.flags.writeable
    assert read_bytes(file, offset, n_bytes).tobytes() == found.tobytes()


@pytest.mark.parametrize(
    ("offset", "n_bytes"), [(0, SIZE + 1), (SIZE - 10, 11), (2 * SIZE, 10), (2 * SIZE, 70_000)]
)
@pytest.mark.parametrize("read", [mapped_bytes, read_bytes])
def test_a_file_that_ends_early(file: Path, read: object, offset: int, n_bytes: int) -> None:
    with pytest.raises(CorruptCheckpoint, match="ends early"):
        read(file, offset, n_bytes)  # type: ignore[operator]
    file.unlink()
    with pytest.raises(CorruptCheckpoint, match="cannot be read"):
        read(file, offset, n_bytes)  # type: ignore[operator]


@pytest.mark.parametrize("offset", [8, 9])
def test_numbers_at_odd_places_are_whole_numbers_of_memory(
    file: Path, data: bytes, offset: int
) -> None:
    array = in_file(file, offset, (100, 200), FLOAT32).read()
    assert array.flags.aligned
    assert array.tobytes() == data[offset : offset + 80_000]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="Linux tells the pages")
def test_pages_are_given_back_when_nobody_holds_the_view(tmp_path: Path) -> None:
    size = 64 << 20
    (tmp_path / "file").write_bytes(bytes(size))

    def of_files() -> int:
        lines = Path("/proc/self/status").read_text().splitlines()
        return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssFile:"))

    before = of_files()
    view = mapped_bytes(tmp_path / "file", 0, size)
    assert not view.any()
    assert of_files() > before + size // 2
    del view
    assert of_files() < before + size // 8
