"""Files are replaced whole or not at all: every call to the system is made to fail in turn."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import faults
from cutaway import files
from cutaway.checkpoints import load_checkpoint, save_checkpoint
from cutaway.errors import (
    CheckpointNotFound,
    ConfigError,
    DataError,
    ResourceError,
)
from cutaway.files import atomic_write, replace_together, sha256_of
from cutaway.models import GPT2, GPT2Config


def each_fault(
    prepare: Callable[[], None],
    work: Callable[[], None],
    check: Callable[[Exception | None], None],
) -> set[str]:
    """Also looks at what the error says."""
    kinds: list[str] = []

    def checked(error: Exception | None) -> None:
        if isinstance(error, ResourceError):
            kinds.append("space" if "space" in error.what else "other")
        check(error)

    seen = faults.each_fault(prepare, work, checked, errors=ResourceError)
    assert set(kinds) == {"space", "other"}
    return set(seen)


def test_atomic_write_with_each_call_failing(tmp_path: Path) -> None:
    path = tmp_path / "file"

    def work() -> None:
        with atomic_write(path) as file:
            file.write(b"ne")
            file.write(b"w")

    def check(error: Exception | None) -> None:
        assert path.read_bytes() in ((b"new",) if error is None else (b"old", b"new"))
        assert [child.name for child in tmp_path.iterdir() if child.suffix != ".tmp"] == ["file"]

    seen = each_fault(lambda: _write(path, b"old"), work, check)
    assert {"open", "write", "fsync", "replace"} <= seen


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def model(n_layer: int, seed: int) -> GPT2:
    config = GPT2Config(vocab_size=7, n_ctx=4, n_embd=4, n_layer=n_layer, n_head=2)
    return GPT2(config, seed=seed)


def content(directory: Path) -> dict[str, bytes]:
    """All files but what could not be removed after a fault, which no reader looks at."""
    paths = (path for path in directory.iterdir() if path.suffix != ".tmp")
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("n_layer", [1, 2])
def test_a_checkpoint_is_the_old_or_the_new_with_each_call_failing(
    tmp_path: Path, n_layer: int
) -> None:
    """Also where the new model is of another size, so that no file fits one of the other."""
    directory, new = tmp_path / "model", model(n_layer, 2)
    directory.mkdir()
    (directory / "notes.txt").write_text("the user's own")
    held = {}
    for name, saved in (("old", model(1, 1)), ("new", new)):
        save_checkpoint(directory, saved, None, card=name)
        load_checkpoint(directory)
        held[name] = content(directory)
    assert held["old"] != held["new"]

    def prepare() -> None:
        for name, data in held["old"].items():
            (directory / name).write_bytes(data)

    def check(error: Exception | None) -> None:
        assert content(directory) == held["new" if error is None else "old"]

    seen = each_fault(prepare, lambda: save_checkpoint(directory, new, None, card="new"), check)
    assert {"open", "write", "fsync", "replace", "link", "mkdir"} <= seen


def test_a_new_directory_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    directory, new = tmp_path / "parent" / "model", model(1, 2)

    def prepare() -> None:
        for path in sorted(tmp_path.rglob("*"), reverse=True):
            path.unlink() if path.is_file() else path.rmdir()

    def check(error: Exception | None) -> None:
        assert directory.exists() == (error is None)
        if error is None:
            load_checkpoint(directory)

    each_fault(prepare, lambda: save_checkpoint(directory, new, None), check)


def test_what_the_block_raises_goes_through(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def write_half(error: BaseException) -> None:
        with atomic_write(path) as file:
            file.write(b"half")
            raise error

    def place_half(error: BaseException) -> None:
        with replace_together(tmp_path) as stage:
            (stage / "file").write_bytes(b"half")
            raise error

    for error in (DataError("bad"), CheckpointNotFound("bad"), KeyboardInterrupt(), ValueError()):
        for half in (write_half, place_half):
            with pytest.raises(type(error)):
                half(error)
    assert [child.name for child in tmp_path.iterdir()] == ["file"]
    assert path.read_bytes() == b"old"


def test_a_directory_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match="No such file"), atomic_write(tmp_path / "a" / "b"):
        pass


def test_a_file_in_the_place_of_a_directory(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"), replace_together(tmp_path / "file"):
        pass
    with pytest.raises(ResourceError), replace_together(tmp_path / "file" / "below"):
        pass


def test_files_of_one_name_are_replaced_and_others_stay(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text("old")
    with replace_together(tmp_path) as stage:
        (stage / "b").write_text("new")
        (stage / "c").write_text("new")
    held = {path.name: path.read_text() for path in tmp_path.iterdir()}
    assert held == {"a": "old", "b": "new", "c": "new"}


def test_hash(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of(tmp_path / "file").startswith("ba7816bf8f01cfea")  # FIPS 180-2, B.1


def test_what_a_killed_process_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as gone:
        gone.wait()
    place = tmp_path / "model"
    place.mkdir()
    stages = {
        "dead": f".model.{files.HOST}-{gone.pid}.abc.tmp",
        "mine": f".model.{files.HOST}-{os.getpid()}.abc.tmp",
        "of another machine": f".model.00000000-{gone.pid}.abc.tmp",
        "of another directory": f".models.{files.HOST}-{gone.pid}.abc.tmp",
        "the user's": ".model.abc.tmp",
    }
    for name in stages.values():
        (place / name).mkdir()
        (place / name / "model.safetensors").write_bytes(b"half")
    link = place / f".model.{files.HOST}-{gone.pid}.link.tmp"
    link.symlink_to(tmp_path, target_is_directory=True)
    with replace_together(place) as folder:
        (folder / "config.json").write_text("{}")
    kept = {name for name, stage in stages.items() if (place / stage).exists()}
    assert kept == stages.keys() - {"dead"}
    assert link.is_symlink()


@pytest.mark.skipif(os.name != "posix", reason="processes are killed otherwise elsewhere")
def test_a_save_that_is_killed_leaves_the_old_or_the_new_and_no_rest(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys; from pathlib import Path\n"
        "from cutaway.files import replace_together\n"
        "with replace_together(Path(sys.argv[1])) as folder:\n"
        "    (folder / 'a').write_text('new')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    place = tmp_path / "model"
    for _ in range(3):
        with replace_together(place) as folder:
            (folder / "a").write_text("old")
        assert [path.name for path in place.iterdir()] == ["a"]
        killed = subprocess.run([sys.executable, "-c", program, str(place)], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert (place / "a").read_text() == "old"
        assert len(list(place.iterdir())) == 2
