"""Small pieces of music: performances of a few seconds, chorales of a few steps."""

import json
from pathlib import Path

import numpy as np

from cutaway.music import Note, Performance

__all__ = ["performance", "performances", "write_chorales"]


def performance(seed: int = 0, n_notes: int = 60, *, low: int = 50, high: int = 80) -> Performance:
    """Notes that follow each other with some order: chords of two, up and down a scale."""
    rng = np.random.default_rng([seed, n_notes])
    notes: list[Note] = []
    time, pitch = 0.0, int(rng.integers(low + 4, high - 3))
    for i in range(n_notes):
        pitch = int(np.clip(pitch + rng.integers(-4, 5), low, high))
        length = float(rng.choice([0.12, 0.25, 0.5]))
        notes.append(Note(time, time + length, pitch, int(rng.integers(40, 100))))
        time += 0.0 if i % 2 else length
    return Performance(notes, f"piece {seed}")


def performances(n: int = 6, n_notes: int = 60) -> list[Performance]:
    """Several, each of another length."""
    return [performance(seed, n_notes + 7 * seed) for seed in range(n)]


def write_chorales(path: Path, sizes: tuple[int, int, int] = (12, 4, 4)) -> Path:
    """A file in the form of the JSB Chorales: tunes of a few chords that repeat."""
    rng = np.random.default_rng(0)
    chords = [[72, 67, 64, 48], [74, 67, 62, 47], [76, 67, 60, 48], [72, 69, 65, 53]]
    parts: dict[str, list[list[list[int]]]] = {}
    for name, size in zip(("train", "valid", "test"), sizes, strict=True):
        parts[name] = []
        for _ in range(size):
            tune = rng.integers(len(chords), size=int(rng.integers(3, 7)))
            steps = [[p + 0 for p in chords[chord]] for chord in tune for _ in range(2)]
            steps[-1][2] = -1
            parts[name].append(steps)
    path.write_text(json.dumps(parts))
    return path
