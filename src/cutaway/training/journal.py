"""What a run tells: every step as a line of JSON in a file, some of them as text on the log."""

import json
import logging
import math
import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from cutaway.files import atomic_write

__all__ = ["Journal", "drop_after"]

logger = logging.getLogger("cutaway.training")


class Journal:
    """Writes ``log.jsonl`` and, through ``logging``, one line for a person now and then.

    Args:
        path: of the JSON lines; a resumed run goes on at its end.
        steps: of the whole run, for the time that is left.
    """

    def __init__(self, path: Path, *, steps: int) -> None:
        self.path, self.steps = path, steps
        self._rate = 0.0  # tokens/s, smoothed
        self._waiting, self._is_refused = b"", False

    def train(
        self,
        step: int,
        *,
        loss: float,
        gradient_norm: float,
        rate: float,
        tokens: int,
        seconds: float,
        show: bool,
    ) -> None:
        """Notes an update: mean loss in nats per token, learning-rate factor, tokens, seconds."""
        now = tokens / seconds
        self._rate = 0.9 * self._rate + 0.1 * now if self._rate else now
        self._write(
            step=step,
            loss=loss,
            gradient_norm=round(gradient_norm, 4) if math.isfinite(gradient_norm) else None,
            rate=round(rate, 6),
            tokens_per_second=round(now),
        )
        if show:
            left = (self.steps - step) * tokens / self._rate
            logger.info(
                "step %d/%d  loss %.3f  %s tokens/s  %s left",
                step,
                self.steps,
                loss,
                f"{self._rate:,.0f}",
                _duration(left),
            )

    def valid(self, step: int, *, loss: float, bits_per_byte: float) -> None:
        """Notes a look at the validation corpus."""
        self._write(step=step, valid_loss=loss, valid_bits_per_byte=bits_per_byte)
        logger.info(
            "step %d/%d  validation: loss %.4f, %.4f bits per byte",
            step,
            self.steps,
            loss,
            bits_per_byte,
        )

    def resumed(self, step: int, checkpoint: Path | None) -> None:
        """Notes that the run goes on from a checkpoint, or begins where there is none.

        Later lines of the file are dropped, and one that a killed process did not end.

        Raises:
            ResourceError: if the file cannot be written anew.
        """
        drop_after(self.path, step)
        if checkpoint is not None:
            logger.info("going on after step %d from %s", step, checkpoint)

    def _write(self, **entry: Any) -> None:
        """Appends a line; those that cannot be written wait, for a full disk ends no run."""
        self._waiting += (json.dumps(entry) + "\n").encode()
        try:
            _append(self.path, self._waiting)
        except OSError as error:
            if not self._is_refused:
                logger.warning("%s CANNOT BE WRITTEN: %s; its lines wait", self.path, error)
            self._is_refused = True
        else:
            self._waiting, self._is_refused = b"", False


def drop_after(path: Path, step: int) -> None:
    """Drops from a file of JSON lines those of later steps, and one that was not ended.

    Raises:
        ResourceError: if the file cannot be written anew.
    """
    if path.exists():
        lines = path.read_bytes().splitlines(keepends=True)
        kept = [line for line in lines if _step_of(line) <= step]
        if kept != lines:
            with atomic_write(path) as file:
                file.writelines(kept)


def _append(path: Path, data: bytes) -> None:
    """All of it or nothing."""
    end = None
    try:
        with path.open("ab") as file:
            end = file.tell()
            file.write(data)
    except OSError:
        if end is not None:
            with suppress(OSError):
                os.truncate(path, end)
        raise


def _step_of(line: bytes) -> float:
    """The step of a whole line; infinity for a half one."""
    try:
        return json.loads(line)["step"] if line.endswith(b"\n") else math.inf
    except (ValueError, TypeError, KeyError):
        return math.inf


def _duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds.

    >>> _duration(75), _duration(7300)
    ('1 min 15 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s"
