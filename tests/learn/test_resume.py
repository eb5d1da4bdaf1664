"""A run that is killed, at any moment, goes on as if it had not been: every loss, every bit."""

import errno
import logging
import os
import random
import shutil
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from cutaway.data import Windows
from cutaway.errors import ConfigError, CutawayError, DataError, ResourceError
from cutaway.lock import alone
from cutaway.models import GPT2, GPT2Config
from cutaway.training import journal_file, train
from cutaway.training.batches import Batches
from cutaway.training.checkpoint import Checkpoints
from cutaway.training.loop import Loop
from cutaway.training.recipe import CheckpointConfig, LoopConfig, Recipe, ValidationConfig
from faults import each_fault
from forks import Forks, forks
from processes import kills
from toy_runs import hex_losses, run, write_corpus

KILLED = -9
TINY = Recipe(
    model=GPT2Config(vocab_size=17, n_ctx=8, n_embd=4, n_layer=1, n_head=1, dropout=0.1),
    training=LoopConfig(steps=3, batch_size=2, micro_batch_size=2),
    checkpoints=CheckpointConfig(every=1, keep=1),
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_corpus(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def server() -> Iterator[Forks]:
    with forks("toy_runs", "cutaway.training.loop") as started:
        yield started


def tiny_loop(directory: Path, recipe: Recipe = TINY) -> Loop:
    if not directory.is_dir():
        directory.mkdir()
    tokens = np.arange(400, dtype=np.uint16) % 17
    windows = Windows(tokens, length=recipe.model.n_ctx + 1, seed=recipe.seed)
    model = GPT2(recipe.model, seed=recipe.seed)
    batches = Batches(recipe, windows)
    return Loop(model, recipe, batches=batches, valid=None, directory=directory)


class Killings:
    """Starts a run again and again; some of its processes are killed."""

    def __init__(self, folder: Path, server: Forks) -> None:
        self.folder, self.server, self.rng = folder, server, random.Random(kills(25))
        self.counts = Counter[str]()

    def once(self, out: Path) -> bool:
        """Starts the run once; whether it came to its end."""
        before = hex_losses(out) if (out / "log.jsonl").exists() else {}
        where = [str(self.folder), str(out)]
        if self.rng.random() < 0.4:
            aim = ["DEATH", self.rng.randrange(1, 20), self.rng.randrange(1 << 30)]
            code = self.server.run("toy_runs:run_to_a_fault", *where, *aim)
        else:
            after = self.rng.uniform(0.0, 0.4)
            code = self.server.run("toy_runs:run", *where, kill_after=after)
        assert code in (0, KILLED)
        self.counts["starts"] += 1
        self.counts["restarts"] += bool(before)
        self.counts["kills"] += code == KILLED
        self.counts["kills during a save"] += any((out / "checkpoints").glob(".*.tmp"))
        return code == 0

    def finish(self, out: Path) -> None:
        assert self.server.run("toy_runs:run", str(self.folder), str(out)) == 0


def test_killed_at_random_moments_every_later_loss_is_the_same(folder: Path, server: Forks) -> None:
    """Also while a checkpoint is written; the same command goes on, and the model is the same."""
    assert server.run("toy_runs:run", str(folder), str(folder / "whole")) == 0
    expected = hex_losses(folder / "whole")
    model = (folder / "whole" / "model" / "model.safetensors").read_bytes()
    assert len(expected) == 60
    killings, n_runs = Killings(folder, server), 0
    counts = killings.counts
    while counts["kills"] < kills(25):
        n_runs += 1
        out = folder / f"run-{n_runs}"
        while counts["kills"] < kills(25) and not killings.once(out):
            pass
        killings.finish(out)
        found = hex_losses(out)
        counts["losses compared"] += len(found)
        counts["differences"] += sum(found.get(step) != expected[step] for step in expected)
        assert found == expected
        assert (out / "model" / "model.safetensors").read_bytes() == model
        assert not list(out.rglob(".*.tmp"))
        shutil.rmtree(out)
        print(f"{n_runs} runs: {dict(counts)}", flush=True)
    assert counts["kills during a save"] > kills(25) // 10


def test_no_step_depends_on_a_generator_that_it_has_not_seeded(tmp_path: Path) -> None:
    """So that no generator's state need be saved: python's, numpy's, torch's."""
    tiny_loop(tmp_path / "a").run()
    random.seed(99)
    np.random.seed(99)
    torch.manual_seed(99)
    before = random.getstate(), np.random.get_state(), torch.get_rng_state()
    tiny_loop(tmp_path / "b").run()
    assert hex_losses(tmp_path / "a") == hex_losses(tmp_path / "b")
    assert random.getstate() == before[0]
    assert np.random.get_state()[1].tolist() == before[1][1].tolist()  # type: ignore[index]
    assert torch.equal(torch.get_rng_state(), before[2])


def test_a_run_killed_before_its_first_checkpoint_begins_anew(tmp_path: Path) -> None:
    loop = tiny_loop(tmp_path)
    loop.journal._begin(0, None)
    loop._step(0)
    assert len(hex_losses(tmp_path)) == 1
    assert loop.journal._file is not None
    loop.journal._file.close()
    tiny_loop(tmp_path).run()
    assert len(hex_losses(tmp_path)) == 3


def test_a_line_that_was_not_ended_is_dropped(tmp_path: Path) -> None:
    tiny_loop(tmp_path).run()
    whole = hex_losses(tmp_path)
    shutil.rmtree(tmp_path / "checkpoints" / "step-00000003")
    with (tmp_path / "log.jsonl").open("ab") as file:
        file.write(b'{"step": 3, "lo')
    tiny_loop(tmp_path).run()
    assert hex_losses(tmp_path) == whole


# Faults.


def test_whatever_call_fails_once_a_run_comes_to_its_end_or_says_why(tmp_path: Path) -> None:
    """The run is over, or the error is typed; either way the next one ends with the same losses."""
    short = replace(TINY, training=replace(TINY.training, steps=2))
    tiny_loop(tmp_path / "whole", short).run()
    expected, out = hex_losses(tmp_path / "whole"), tmp_path / "run"
    ended = Counter[str]()

    def check(error: Exception | None) -> None:
        ended["said why" if error else "came to the end"] += 1
        loop = tiny_loop(out, short)
        assert error is not None or loop.checkpoints.alone.newest() is not None
        loop.run()
        assert hex_losses(out).items() <= expected.items()
        again = loop.checkpoints.alone.newest()
        assert again is not None
        assert again.name == "step-00000002"

    def prepare() -> None:
        shutil.rmtree(out, ignore_errors=True)
        out.mkdir()

    seen = each_fault(
        prepare,
        lambda: tiny_loop(out, short).run() and None,
        check,
        kinds=("ENOSPC", "EIO"),
        errors=CutawayError,
    )
    assert ended["came to the end"] > 0.9 * sum(seen.values()) > 100
    print(f"{sum(seen.values())} calls failed: {dict(seen)}, {dict(ended)}")


def test_a_full_disk_keeps_the_run_until_its_last_save(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full(*_: object) -> None:
        raise ResourceError("Full.")

    tiny_loop(tmp_path / "whole").run()
    real = Checkpoints._write
    monkeypatch.setattr(Checkpoints, "_write", full)
    with pytest.raises(ResourceError, match="The state after step 3 could not be saved") as caught:
        tiny_loop(tmp_path / "run").run()
    assert caught.value.exit_code == 5
    assert len(hex_losses(tmp_path / "run")) == 3
    warnings = [r for r in caplog.records if r.levelno >= logging.WARNING]
    assert len(warnings) == 1
    assert "STEP 1 IS NOT SAVED" in warnings[0].getMessage()
    monkeypatch.setattr(Checkpoints, "_write", real)
    tiny_loop(tmp_path / "run").run()
    assert hex_losses(tmp_path / "run") == hex_losses(tmp_path / "whole")


def test_the_best_that_could_not_be_saved_does_not_push_out_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = replace(
        TINY,
        training=replace(TINY.training, steps=5),
        validation=ValidationConfig(every=1, windows=2, keep_best=True),
    )
    loop, real = tiny_loop(tmp_path, recipe), Checkpoints._write
    loop.valid = loop.batches.of(0)
    told = iter([3.0, 2.0, 1.0, 2.5, 2.5])

    def full_at_3(self: Checkpoints, final: Path, step: int, *more: object) -> None:
        if step == 3:
            raise ResourceError("Full.")
        real(self, final, step, *more)  # type: ignore[arg-type]

    monkeypatch.setattr(Checkpoints, "_write", full_at_3)
    monkeypatch.setattr(loop, "_look", lambda *_: next(told))
    assert loop.run() == 2.0
    kept = sorted(path.name for path in (tmp_path / "checkpoints").iterdir())
    assert kept == ["step-00000002", "step-00000005"]


def test_a_journal_that_cannot_be_written_waits(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = journal_file._append

    def full(file: object, data: bytes) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    loop = tiny_loop(tmp_path)
    with loop.journal.recording(after=0):
        monkeypatch.setattr(journal_file, "_append", full)
        loop._step(0)
        loop._step(1)
        assert caplog.text.count("CANNOT BE WRITTEN") == 1
        monkeypatch.setattr(journal_file, "_append", real)
        loop._step(2)
    assert list(hex_losses(tmp_path)) == [1, 2, 3]


# The same data, one process.


def test_a_changed_corpus_is_refused_by_name(folder: Path) -> None:
    short = ("training.steps=4", "validation.every=0")
    run(str(folder), str(folder / "run"), *short)
    text = (folder / "tales.txt").read_text()
    os.utime(folder / "tales.txt")  # touched, not changed
    run(str(folder), str(folder / "run"), *short)
    (folder / "tales.txt").write_text(text.replace("fox", "dog"))
    with pytest.raises(DataError, match=r"tales\.txt has changed since .*train\.bin was encoded"):
        run(str(folder), str(folder / "run"))
    (folder / "tales.txt").unlink()
    run(str(folder), str(folder / "run"), *short)


def test_other_files_for_the_same_tokens_are_refused(folder: Path) -> None:
    """Also before there is a checkpoint to hold the recipe against."""
    run(str(folder), str(folder / "run"), "training.steps=2")
    shutil.rmtree(folder / "run" / "checkpoints")
    other = 'data.train=[{file="tales.txt",repeat=3}]'
    with pytest.raises(ConfigError, match=r"train\.bin was encoded from tales\.txt .repeat 2"):
        run(str(folder), str(folder / "run"), "training.steps=2", other)


def test_tokens_encoded_anew_from_other_text_are_refused(folder: Path) -> None:
    """The token files were removed, as the message of a damaged one asks for."""
    run(str(folder), str(folder / "run"), "training.steps=2")
    for path in (folder / "run").glob("train.*"):
        path.unlink()
    text = (folder / "tales.txt").read_text()
    (folder / "tales.txt").write_text(text.replace("sly", "shy"))
    (folder / "run" / "valid.sources.json").unlink()
    with pytest.raises(DataError, match=r"The data has changed since .*step-00000002.*train\.bin"):
        run(str(folder), str(folder / "run"), "training.steps=4")


def test_two_processes_in_one_directory_are_refused(folder: Path, server: Forks) -> None:
    (folder / "run").mkdir()
    with alone(folder / "run", "training in"):
        with pytest.raises(ResourceError, match="Another process is training in") as caught:
            train(folder / "toy.toml", data=folder, out=folder / "run")
        assert str(os.getpid()) in caught.value.what
        assert server.run("toy_runs:run", str(folder), str(folder / "run")) == 5
    # One that was killed holds nothing.
    assert server.run("toy_runs:run", str(folder), str(folder / "run"), kill_after=0.1) == KILLED
    run(str(folder), str(folder / "run"), "training.steps=2")
    assert "lock" not in {thread.name for thread in threading.enumerate()}


def test_rests_of_killed_processes_are_swept(folder: Path) -> None:
    rests = [
        folder / "run" / ".train.bin.0123abcd.tmp",
        folder / "run" / "checkpoints" / ".step-00000002.00000000-1.abc.tmp",
        folder / "run" / "model" / ".model.00000000-1.abc.tmp",
    ]
    for rest in rests:
        rest.mkdir(parents=True)
    run(str(folder), str(folder / "run"), "training.steps=2")
    assert not [rest for rest in rests if rest.exists()]
