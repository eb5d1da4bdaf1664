"""Journals of runs that never were, written as the loop writes them."""

from pathlib import Path

import pytest

from cutaway.training.journal import Journal

__all__ = ["write_run"]


def write_run(
    directory: Path,
    *,
    steps: int = 4,
    lr: float = 1e-3,
    tokens: int = 100,
    error: Exception | None = None,
) -> Path:
    """Of 9 steps ``steps`` are done; the loss falls by ``1000 lr`` each, a look at every second."""
    directory.mkdir(parents=True, exist_ok=True)
    about = {"recipe": {"optimizer": {"lr": lr, "kind": "muon"}, "log": {"trackers": []}}}
    journal = Journal(directory / "log.jsonl", steps=9, about={**about, "device": "abacus"})

    def run() -> None:
        with journal.recording(after=0):
            for step in range(1, steps + 1):
                values = {"loss": 8.0 - lr * 1000 * step, "rate": 1.0}
                journal.step(step, values, tokens=tokens, seconds=0.5, show=False)
                if step % 2 == 0:
                    journal.event(step, "valid", loss=9.0 - step, bits_per_byte=1.0)
            if error is not None:
                raise error

    if error is None:
        run()
    else:
        with pytest.raises(type(error)):
            run()
    return directory
