"""Pictures of music for eyes that check what ears would hear: a piano roll and a spectrogram."""

from collections.abc import Iterator, Sequence
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from cutaway.drawing import DIM, INK, Line, Picture, Rect, Text
from cutaway.music.notes import Note, Performance

__all__ = ["roll_picture", "spectrogram", "spectrogram_picture"]

LOWEST, HIGHEST = 21, 108  # the keys of a piano
_WIDTH, _MARGIN, _KEY = 1000.0, 60.0, 3.0
_SHADES = 12
_FLOOR = -80.0  # dB below the loudest cell, shown as white
_WINDOW, _HOP = 8192, 2048


def roll_picture(performance: Performance, title: str, *, seconds: float = 20.0) -> Picture:
    """Pitch by time, dark is loud; a strip for each ``seconds``, six strips at most."""
    end = max((note.end for note in performance.notes), default=0.0)
    n = max(1, min(6, int(np.ceil(end / seconds))))
    height = (HIGHEST - LOWEST + 1) * _KEY
    picture = Picture(_WIDTH + 2 * _MARGIN, n * (height + 34) + 40, title)
    picture.add(Text(x=_MARGIN, y=24, text=title, bold=True))
    for strip in range(n):
        top = 40 + strip * (height + 34)
        _frame(picture, top, height, start=strip * seconds, seconds=seconds)
        for key in range(24, HIGHEST, 12):
            y = top + height - (key - LOWEST) * _KEY
            _label(picture, y, f"C{key // 12 - 1}")
        for note in performance.notes:
            _draw(picture, note, top + height, start=strip * seconds, seconds=seconds)
    return picture


def spectrogram(sound: NDArray[np.float32], rate: int, n_columns: int) -> NDArray[np.float64]:
    """Levels in dB below the loudest, ``(half tones from A0 on, columns)``; 0 is the loudest.

    Args:
        sound: ``(samples,)`` or ``(samples, channels)``.
        rate: samples a second.
        n_columns: of the result; the power of windows that fall into one is added up.
    """
    mono = sound if sound.ndim == 1 else sound.mean(axis=1)
    mono = np.pad(mono, (0, max(0, _WINDOW - len(mono))))
    last = len(mono) - _WINDOW
    per_column = -(-(last + _HOP) // (_HOP * n_columns))
    starts = np.linspace(0, last, per_column * n_columns).astype(int)
    hann = np.hanning(_WINDOW)
    frequencies = np.fft.rfftfreq(_WINDOW, 1 / rate)
    half_tones = np.round(69 - LOWEST + 12 * np.log2(np.maximum(frequencies, 1.0) / 440.0))
    half_tones = half_tones.astype(int)
    n_rows = HIGHEST - LOWEST + 1 + 24  # two octaves of overtones above the highest key
    is_shown = (half_tones >= 0) & (half_tones < n_rows)
    power = np.zeros((n_rows, n_columns))
    for index, start in enumerate(starts):
        column = index // per_column
        bins = np.abs(np.fft.rfft(mono[start : start + _WINDOW] * hann)) ** 2
        power[:, column] += np.bincount(half_tones[is_shown], bins[is_shown], minlength=n_rows)
    return 10 * np.log10(np.maximum(power / max(power.max(), 1e-30), 1e-12))


def spectrogram_picture(
    sound: NDArray[np.float32], rate: int, title: str, *, seconds: float = 60.0
) -> Picture:
    """Half tones by time, dark is loud, of the first seconds."""
    sound = sound[: round(seconds * rate)]
    n_columns = 250
    levels = spectrogram(sound, rate, n_columns)
    height, width = len(levels) * _KEY, _WIDTH / n_columns
    picture = Picture(_WIDTH + 2 * _MARGIN, height + 74, title)
    picture.add(Text(x=_MARGIN, y=24, text=title, bold=True))
    shades = np.clip(np.round((levels / -_FLOOR + 1) * _SHADES), 0, _SHADES).astype(int)
    for row, cells in enumerate(shades.tolist()):
        y = 40 + height - (row + 1) * _KEY
        for start, n, shade in _runs(cells):
            if shade:
                x, wide = _MARGIN + start * width, n * width
                picture.add(Rect(x=x, y=y, width=wide, height=_KEY, fill=_shade(shade / _SHADES)))
    _frame(picture, 40, height, start=0.0, seconds=len(sound) / rate)
    for key in range(24, LOWEST + len(levels), 12):
        y = 40 + height - (key - LOWEST) * _KEY
        _label(picture, y, f"{440 * 2 ** ((key - 69) / 12):,.0f} Hz")
    return picture


def _draw(picture: Picture, note: Note, bottom: float, *, start: float, seconds: float) -> None:
    left, right = max(note.start - start, 0.0), min(note.end - start, seconds)
    if right <= 0 or left >= seconds or not LOWEST <= note.pitch <= HIGHEST:
        return
    x, per_second = _MARGIN + left * _WIDTH / seconds, _WIDTH / seconds
    picture.add(
        Rect(
            x=x,
            y=bottom - (note.pitch - LOWEST + 1) * _KEY,
            width=max((right - left) * per_second, 1.0),
            height=_KEY,
            fill=_shade(0.15 + 0.85 * note.velocity / 127),
        )
    )


def _frame(picture: Picture, top: float, height: float, *, start: float, seconds: float) -> None:
    picture.add(Rect(x=_MARGIN, y=top, width=_WIDTH, height=height, stroke=DIM))
    for i in range(5):
        x = _MARGIN + i * _WIDTH / 4
        picture.add(
            Line(points=((x, top + height), (x, top + height + 4)), stroke=DIM),
            Text(
                x=x,
                y=top + height + 18,
                text=f"{round(start + i * seconds / 4, 1):g} s",
                fill=INK,
                size=11,
                anchor="middle",
            ),
        )


def _label(picture: Picture, y: float, text: str) -> None:
    picture.add(
        Line(points=((_MARGIN - 4, y), (_MARGIN, y)), stroke=DIM),
        Text(x=_MARGIN - 6, y=y + 4, text=text, size=10, anchor="end"),
    )


def _runs(cells: Sequence[int]) -> Iterator[tuple[int, int, int]]:
    """Where each run of equal cells starts, how long it is, and its value."""
    at = 0
    for value, group in groupby(cells):
        n = sum(1 for _ in group)
        yield at, n, value
        at += n


def _shade(part: float) -> str:
    """From white for 0 to a dark blue for 1."""
    dark = (16, 42, 92)
    return "#" + "".join(f"{round(255 + (channel - 255) * part):02x}" for channel in dark)
