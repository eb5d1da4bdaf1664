"""Saving a run so that it goes on as if it had never stopped.

A checkpoint is a directory ``step-00000100`` with ``model.safetensors``, ``optimizer.safetensors``,
``state.json`` and a manifest of sizes and SHA-256 (:mod:`cutaway.checkpoints.pieces`). It is built
under a temporary name, flushed, and renamed when it is whole, so a run that is killed while saving
goes on from the checkpoint before. No pickle anywhere.

``state.json`` holds the step, the recipe, a fingerprint of the data, further state by name, and
what the losses depend on in their last bits: threads, processes, versions. There is no state of a
random generator in it, for a step uses none that it has not seeded: the windows of a batch follow
from seed and step, dropout from ``torch.manual_seed`` with both at the start of each step, and the
generators of Python and numpy are not asked at all. tests/learn/test_resume.py looks after that.
"""

import json
import logging
import os
import shutil
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.checkpoints.pieces import Saved, Stage, damage, open_saved
from cutaway.checkpoints.plain import to_plain
from cutaway.errors import (
    CheckpointNotFound,
    CorruptCheckpoint,
    DataError,
    ResourceError,
)
from cutaway.files import HOST, replace_directory, sweep
from cutaway.training.circumstances import circumstances, differences
from cutaway.training.state import Savable, TrainingState

__all__ = ["Checkpoints", "TrainingState"]

logger = logging.getLogger("cutaway.training")

_MARGIN = 1.2  # of the size of a checkpoint must be free before one is written


class Checkpoints:
    """The checkpoints of one run, newest last.

    Args:
        directory: where they are; made when the first one is saved.
        keep: how many to keep.
        keep_every: those of steps that this divides are kept for ever; 0 for none.
        data: the fingerprint of the corpus, name by name; a run goes on with the same only.
        guard: called before a checkpoint is written; raises if the directory is no longer this
            process's own, which ends the run.
    """

    def __init__(
        self,
        directory: Path,
        *,
        keep: int,
        keep_every: int = 0,
        data: Mapping[str, str] | None = None,
        guard: Callable[[], None] | None = None,
    ) -> None:
        self.directory, self.keep, self.keep_every = directory, keep, keep_every
        self.data, self.guard = dict(data or {}), guard
        self._n_failed = 0

    def save(
        self,
        step: int,
        state: Savable,
        recipe: dict[str, Any],
        *,
        required: bool = True,
        spare: Collection[int] = (),
    ) -> Path | None:
        """Writes the checkpoint of ``step`` and removes those that are too old.

        Args:
            step: updates behind the state.
            state: to save.
            recipe: of the run, as plain tables.
            required: whether the run cannot go on without. Otherwise a failure is told on the
                log, and the next save tries again; the checkpoints before are untouched.
            spare: steps whose checkpoints are not too old, whatever ``keep`` says.

        Returns:
            Its directory; None if that failed.

        Raises:
            ResourceError: if it is required and failed twice.
        """
        if self.guard is not None:
            self.guard()
        final = self.directory / f"step-{step:08d}"
        try:
            if not required:
                self._check_space(state)
            self._write(final, step, state, recipe)
        except ResourceError as error:
            if not required:
                self._tell_failure(step, error)
                return None
            self._try_again(final, step, state, recipe)
        if self._n_failed:
            logger.warning("step %d is saved; %d saves before it failed", step, self._n_failed)
            self._n_failed = 0
        self._rotate(step, spare)
        return final

    def _write(self, final: Path, step: int, state: Savable, recipe: dict[str, Any]) -> None:
        if self.directory.is_dir():
            sweep(self.directory)  # of a run that was killed while saving
        about = {
            "step": step,
            "recipe": recipe,
            "data": self.data,
            "made_by": circumstances(),
            "extra": state.extra,
        }
        with replace_directory(final) as path:
            stage = Stage(path)
            for write in state.parts().values():
                write(stage)
            with stage.open("state.json") as file:
                file.write(json.dumps(to_plain(about)).encode())
            stage.finish(step)

    def _check_space(self, state: Savable) -> None:
        """Refuses to begin what would fill the disk."""
        last = self._all()[-1:]
        size = max(state.n_bytes(), *(_size(path) for path in last), 0)
        try:
            place = self.directory if self.directory.is_dir() else self.directory.parent
            free = shutil.disk_usage(place).free
        except OSError:  # what is wrong there will show
            return
        if free < _MARGIN * size:
            raise ResourceError(
                f"Only {free / 1e6:,.0f} MB are free for a checkpoint of {size / 1e6:,.0f} MB in "
                f"{self.directory}.",
                "Free some space.",
            )

    def _tell_failure(self, step: int, error: ResourceError) -> None:
        self._n_failed += 1
        if self._n_failed > 1:
            logger.info("step %d is not saved either", step)
            return
        last = self._all()[-1:]
        kept = f"{last[0].name} is kept" if last else "there is no checkpoint yet"
        logger.warning(
            "STEP %d IS NOT SAVED: %s %s; training goes on and the next save tries again. %s",
            step,
            error.what,
            kept,
            error.hint,
        )

    def _try_again(self, final: Path, step: int, state: Savable, recipe: dict[str, Any]) -> None:
        try:
            self._write(final, step, state, recipe)
        except ResourceError as error:
            last = self._all()[-1:]
            raise ResourceError(
                f"The state after step {step} could not be saved, tried twice: {error.what}",
                f"The same command goes on from {last[0].name}; free some space first."
                if last
                else "Nothing is saved yet; free some space first.",
            ) from error

    def _rotate(self, step: int, spare: Collection[int]) -> None:
        """Removes old checkpoints; no failure here undoes a save."""
        earlier = [path for path in self._all() if _step_of(path) <= step]
        for old in earlier[: -self.keep]:
            forever = self.keep_every and not _step_of(old) % self.keep_every
            if not forever and _step_of(old) not in spare:
                # Renamed first: a process that ends here leaves no half of a checkpoint.
                gone = old.with_name(f".{old.name}.{HOST}-{os.getpid()}.gone.tmp")
                try:
                    old.replace(gone)
                    shutil.rmtree(gone)
                except OSError as error:
                    logger.warning("%s cannot be removed: %s", old, error)

    def newest(self) -> Path | None:
        """The newest checkpoint that is whole, or None if there is none at all.

        Raises:
            CorruptCheckpoint: if there are checkpoints and not one is whole, naming the pieces.
        """
        reasons: dict[Path, str] = {}
        for directory in reversed(self._all()):
            found = damage(directory)
            if not found:
                return directory
            reasons[directory] = ", ".join(found)
        if reasons:
            raise _none_whole(self.directory, reasons)
        return None

    def resume(
        self,
        state: Savable,
        check: Callable[[Saved], None] = lambda _: None,
        *,
        step: int | None = None,
    ) -> Saved | None:
        """Loads the newest checkpoint that is whole, reading it once; damaged ones are named.

        Args:
            state: to load into; undefined if this raises.
            check: refuses, by raising, a checkpoint that is not this run's.
            step: of the one to load; later ones are set aside then, as ``aside-step-...``.

        Returns:
            What the checkpoint says of itself; None if there is none at all.

        Raises:
            CheckpointNotFound: if there is none of ``step``.
            CorruptCheckpoint: if the one of ``step``, or every one, is damaged, naming the pieces.
            DataError: if the data is not what the checkpoint was made with.
        """
        if self.directory.is_dir():
            sweep(self.directory)
        reasons: dict[Path, str] = {}
        for directory in reversed(self._all()) if step is None else [self.of_step(step)]:
            try:
                saved = open_saved(directory)
                self._check_data(saved)
                check(saved)
                _restore(saved, state)
            except CorruptCheckpoint as error:
                if step is not None:
                    raise
                reasons[directory] = _reason(directory, error)
                continue
            self._leave_behind(saved, reasons)
            _tell_differences(saved)
            return saved
        if reasons:
            raise _none_whole(self.directory, reasons)
        return None

    def steps(self) -> list[int]:
        """Those of which there is a checkpoint, in order."""
        return [_step_of(path) for path in self._all()]

    def of_step(self, step: int) -> Path:
        """The checkpoint of a step.

        Raises:
            CheckpointNotFound: if there is none.
        """
        chosen = self.directory / f"step-{step:08d}"
        if not chosen.is_dir():
            raise CheckpointNotFound(
                f"No checkpoint of step {step} in {self.directory}.",
                f"There are {', '.join(path.name for path in self._all()) or 'none'}.",
            )
        return chosen

    def _leave_behind(self, saved: Saved, reasons: Mapping[Path, str]) -> None:
        """Later checkpoints are damaged or unwanted: they must not be taken for the newest."""
        for path, reason in reasons.items():
            logger.warning(
                "%s is damaged: %s; going on from %s, and setting the other aside",
                path,
                reason,
                saved.directory.name,
            )
        for path in self._all():
            if _step_of(path) > saved.step:
                aside = path.with_name(f"aside-{path.name}")
                with suppress(OSError):
                    if aside.exists():
                        shutil.rmtree(aside)
                    path.replace(aside)

    def _check_data(self, saved: Saved) -> None:
        then = saved.state.get("data", {})
        changed = [name for name in then if self.data and self.data.get(name) != then[name]]
        if changed:
            raise DataError(
                f"The data has changed since {saved.directory} was saved: {', '.join(changed)}.",
                "Bring it back as it was, or choose another output directory.",
            )

    def recipe_of(self, directory: Path) -> dict[str, Any]:
        """The recipe by which a checkpoint was made, as plain tables."""
        return open_saved(directory).state["recipe"]

    def restore(self, directory: Path, state: Savable) -> int:
        """Loads a checkpoint into ``state``; returns the number of steps behind it.

        Raises:
            CorruptCheckpoint: if it is damaged, naming the piece; the state is then undefined.
        """
        saved = open_saved(directory)
        _restore(saved, state)
        return saved.step

    def _all(self) -> list[Path]:
        return sorted(self.directory.glob("step-????????"))


def _step_of(path: Path) -> int:
    number = path.name.removeprefix("step-")
    return int(number) if number.isdecimal() else -1


def _size(directory: Path) -> int:
    with suppress(OSError):
        return sum(path.lstat().st_size for path in directory.rglob("*"))
    return 0


def _restore(saved: Saved, state: Savable) -> None:
    state.restore(saved)
    state.extra.clear()
    state.extra.update(saved.state.get("extra", {}))


def _reason(directory: Path, error: CorruptCheckpoint) -> str:
    return error.what.removeprefix(f"{directory} is damaged: ").removesuffix(".")


def _none_whole(directory: Path, reasons: Mapping[Path, str]) -> CorruptCheckpoint:
    each = "; ".join(f"{path.name}: {reason}" for path, reason in reasons.items())
    return CorruptCheckpoint(
        f"None of the {len(reasons)} checkpoints in {directory} is whole: {each}.",
        "Remove the directory to start again, or restore it from a copy.",
    )


def _tell_differences(saved: Saved) -> None:
    found = differences(saved.state.get("made_by", {}))
    if found:
        logger.warning(
            "%s was saved with %s: losses agree with an uninterrupted run's only to rounding",
            saved.directory,
            ", ".join(found),
        )
