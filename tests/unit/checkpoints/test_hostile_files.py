"""Every file of the corpus ends in an error of ours, soon, in little memory, and runs nothing."""

from pathlib import Path

import pytest
from hostile import CASES
from limits import little_memory, little_time
from sound import CONFIG, SOUND

from cutaway.checkpoints import load_checkpoint
from cutaway.errors import CheckpointError, TokenizerError


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
    with (
        little_time(),
        little_memory(),
        pytest.raises((CheckpointError, TokenizerError)) as caught,
    ):
        load_checkpoint(folder)
    assert not (folder / "canary").exists()
    assert len(str(caught.value)) < 1000
    assert caught.value.what
