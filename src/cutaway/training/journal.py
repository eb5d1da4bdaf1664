"""What a run tells: every step as a line of JSON in a file, some of them as text on the log."""

import json
import logging
import math
from pathlib import Path
from typing import Any

__all__ = ["Journal", "drop_after"]

logger = logging.getLogger("cutaway.training")


class Journal:
    """Writes ``log.jsonl`` and, through ``logging``, one line for a person now and then.

    Args:
        path: of the JSON lines; a resumed run goes on at its end. None for no file.
        steps: of the whole run, for the time that is left.
    """

    def __init__(self, path: Path | None, *, steps: int) -> None:
        self.path, self.steps = path, steps
        self._rate = 0.0  # tokens/s, smoothed

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

    def resumed(self, step: int, checkpoint: Path) -> None:
        """Notes that the run goes on from a checkpoint; later lines of the file are dropped."""
        if self.path is not None:
            drop_after(self.path, step)
        logger.info("going on after step %d from %s", step, checkpoint)

    def _write(self, **entry: Any) -> None:
        if self.path is None:
            return
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(entry) + "\n")


def drop_after(path: Path, step: int) -> None:
    """Drops from a file of JSON lines those of later steps, which will be written again."""
    if path.exists():
        lines = path.read_text(encoding="utf-8").splitlines()
        kept = [line for line in lines if json.loads(line)["step"] <= step]
        path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")


def _duration(seconds: float) -> str:
    """Hours and minutes, or minutes and seconds.

    >>> _duration(75), _duration(7300)
    ('1 min 15 s', '2 h 01 min')
    """
    whole = round(seconds)
    if whole >= 3600:
        return f"{whole // 3600} h {whole % 3600 // 60:02} min"
    return f"{whole // 60} min {whole % 60:02} s"
