"""Every file of the corpus ends in an error of ours, soon, in little memory, and runs nothing."""

import resource
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hostile import CASES, CONFIG, SOUND

from cutaway.checkpoints import load_checkpoint
from cutaway.errors import CheckpointError, TokenizerError

MAX_SECONDS = 2.0  # of the processor: a bound on the work, whatever else the machine does
MAX_BYTES = 256 << 20  # of address space beyond what the process has already


@contextmanager
def little_memory() -> Iterator[None]:
    """Lets no allocation of what a file claims succeed."""
    if not Path("/proc/self/statm").exists():  # not Linux
        yield
        return
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    before = resource.getrlimit(resource.RLIMIT_AS)
    limit = pages * resource.getpagesize() + MAX_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


@pytest.fixture(params=SOUND)
def layout(request: pytest.FixtureRequest) -> str:
    return request.param


def test_the_sound_files_load(layout: str, tmp_path: Path) -> None:
    SOUND[layout](tmp_path)
    assert load_checkpoint(tmp_path).model.config == CONFIG


def test_the_corpus_is_large_enough() -> None:
    assert len(CASES) >= 80


@pytest.mark.parametrize("case", CASES)
def test_ends_in_an_error_of_ours(case: str, tmp_path: Path) -> None:
    layout, spoil = CASES[case]
    folder = tmp_path / "checkpoint"
    folder.mkdir()
    SOUND[layout](folder)
    spoil(folder)
    start = time.process_time()
    with little_memory(), pytest.raises((CheckpointError, TokenizerError)) as caught:
        load_checkpoint(folder)
    assert time.process_time() - start < MAX_SECONDS
    assert not (folder / "canary").exists()
    assert len(str(caught.value)) < 1000
    assert caught.value.what
