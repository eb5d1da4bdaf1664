"""A performance as sound: a WAV file, played on the recordings of a sound font.

The piano is that of the font TimGM6mb, which the package pretty_midi brings along (``pip install
'cutaway[music]'``). The synthesizer is here: of those that pip installs none renders these notes
without a system library (``docs/decisions/music-sound.md``), and a piano takes little: recordings
that are played faster or slower, a filter that closes, and a volume that fades. Chorus, reverb,
vibrato and bends are left out.
"""

import math
import wave
from collections.abc import Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from cutaway.apps.soundfont import Zone, read_instrument
from cutaway.errors import DataError, MissingExtra
from cutaway.files import atomic_write
from cutaway.music.notes import Note, Performance

__all__ = ["RATE", "Sound", "Synthesizer", "find_font", "write_wav"]

RATE = 44_100
"""Samples a second, of each of two channels."""

Sound = NDArray[np.float32]  # (samples, 2)
Mono = NDArray[np.float32]  # (samples,)

_PART = 60.0  # seconds of music that are rendered at once: memory does not grow with the piece
_RINGS = 30.0  # seconds after which a string that is held is still, or faded
_STILL = 0.9  # of 100 decibels: what is quieter is not heard
_OPEN = 13_500  # cents: a filter that leaves everything
_PEAK = 10 ** (-1 / 20)  # the loudest sample, 1 dB below what 16 bits hold
_KEPT = 1 << 26  # samples of tones that are kept, a quarter of a gigabyte


def find_font(font: Path | None = None) -> Path:
    """The sound font to play: the one that is named, or the piano that pip installs.

    Raises:
        MissingExtra: if none is named and none is installed.
    """
    if font is not None:
        return font
    spec = find_spec("pretty_midi")  # found, and not imported: only its file is wanted
    found = Path(spec.origin).with_name("TimGM6mb.sf2") if spec and spec.origin else None
    if found is None or not found.is_file():
        raise MissingExtra(
            "A WAV needs a sound font, and that of pretty_midi is not installed.",
            "pip install 'cutaway[music]', or name a .sf2 file with --soundfont.",
        )
    return found


class Synthesizer:
    """Plays notes on the first preset of a sound font.

    Args:
        font: a ``.sf2`` file; None for the piano that pip installs.

    Raises:
        MissingExtra: if none is named and none is installed.
        DataError: if it cannot be read, is no sound font, or is damaged.
    """

    def __init__(self, font: Path | None = None) -> None:
        self.instrument = read_instrument(find_font(font))
        self._tones: dict[tuple[int, int], Mono] = {}  # by the zone's number and the pitch
        self._n_kept = 0

    def parts(self, performance: Performance) -> Iterator[Sound]:
        """The sound in parts of a minute, ``(samples, 2)``; the last goes on until all is still.

        Voices add up, so a part is its own notes and what still rings of the part before: the
        parts joined are the whole.
        """
        notes = performance.notes
        n_parts = math.floor(notes[-1].start / _PART) + 1 if notes else 0
        ringing, at = np.zeros((0, 2), np.float32), 0
        for part in range(n_parts):
            first = at
            while at < len(notes) and notes[at].start < (part + 1) * _PART:
                at += 1
            begin = round(part * _PART * RATE)
            sound = self._mixed(notes[first:at], begin=begin, ringing=ringing)
            n = round((part + 1) * _PART * RATE) - begin
            if part < n_parts - 1 and len(sound) < n:
                sound = np.pad(sound, ((0, n - len(sound)), (0, 0)))
            yield sound[:n]
            ringing = sound[n:]
        if len(ringing):
            yield ringing

    def _mixed(self, notes: Sequence[Note], *, begin: int, ringing: Sound) -> Sound:
        """The sum of all voices of notes, and of what rings already; from sample ``begin`` on."""
        voices = [voice for note in notes for voice in self._voices(note)]
        starts = [round(note.start * RATE) - begin for note, *_ in voices]
        lengths = [start + len(mono) for start, (_, mono, _) in zip(starts, voices, strict=True)]
        sound = np.zeros((max([len(ringing), *lengths]), 2), np.float32)
        sound[: len(ringing)] = ringing
        for start, (_, mono, pan) in zip(starts, voices, strict=True):
            angle = (pan + 1) * math.pi / 4
            sound[start : start + len(mono), 0] += mono * math.cos(angle)
            sound[start : start + len(mono), 1] += mono * math.sin(angle)
        return sound

    def _voices(self, note: Note) -> Iterator[tuple[Note, Mono, float]]:
        """What each zone that is for a note gives, and where it stands between left and right."""
        for number, zone in enumerate(self.instrument.zones):
            (low, high), (soft, hard) = zone.keys, zone.velocities
            if low <= note.pitch <= high and soft <= note.velocity <= hard:
                yield note, self._voice(number, zone, note), zone.pan

    def _voice(self, number: int, zone: Zone, note: Note) -> Mono:
        down = min(note.end - note.start, _RINGS)
        level = zone.volume.level(np.array([down]))[0]
        longest = down + max(0.0, level - 1 + _STILL) * zone.volume.release
        tone = self._tone(number, zone, note.pitch, longest)
        seconds = np.arange(len(tone)) / RATE
        levels = zone.volume.level(seconds)
        n_down = round(down * RATE)
        levels[n_down:] = level - (seconds[n_down:] - down) / max(zone.volume.release, 1e-9)
        rising = np.minimum((seconds - zone.volume.delay) / zone.volume.attack, 1.0)
        gain = (note.velocity / 127) ** 2 * 10 ** (-zone.attenuation / 20)
        # A level of 1 is 100 decibels; while it rises, it is one of loudness.
        faded = np.where(rising < 1, np.maximum(rising, 0.0), 10 ** (5 * (levels - 1)))
        return tone * (gain * faded).astype(np.float32)

    def _tone(self, number: int, zone: Zone, pitch: int, seconds: float) -> Mono:
        """A recording at a pitch, filtered, for so long or until it ends; kept for other notes."""
        n = math.ceil(seconds * RATE)
        tone = self._tones.get((number, pitch))
        if tone is None or (len(tone) < n and zone.loop is not None):
            most = 2 ** math.ceil(math.log2(max(n, RATE)))
            tone = _filtered(zone, self._resampled(zone, pitch, most))
            if self._n_kept > _KEPT:
                self._tones.clear()
                self._n_kept = 0
            self._tones[number, pitch] = tone
            self._n_kept += len(tone)
        return tone[:n]

    def _resampled(self, zone: Zone, pitch: int, n: int) -> Mono:
        ratio = 2 ** ((pitch - zone.root) * zone.scale / 12) * zone.rate / RATE
        at = np.arange(n) * ratio
        samples = self.instrument.samples[zone.start : zone.end].astype(np.float32) / 32768
        if zone.loop is None:
            at = at[at < len(samples) - 1]
        else:
            first, end = zone.loop[0] - zone.start, zone.loop[1] - zone.start
            at = np.where(at < end, at, first + (at - first) % (end - first))
            samples = np.append(samples[:end], samples[first])  # the neighbour of the last
        return np.interp(at, np.arange(len(samples)), samples).astype(np.float32)


def _filtered(zone: Zone, tone: Mono) -> Mono:
    """A tone behind a low-pass filter of two poles whose border moves.

    What moves is blended of filters an octave apart that do not.
    """
    level = zone.opening.level(np.arange(len(tone)) / RATE)
    border = zone.cutoff + zone.sweep * level
    low, high = float(border.min(initial=_OPEN)), float(border.max(initial=0.0))
    if low >= _OPEN or not len(tone):
        return tone
    n_steps = max(1, math.ceil((high - low) / 1200))
    places = (border - low) / max(high - low, 1e-9) * n_steps
    n_padded = 2 ** math.ceil(math.log2(len(tone) + RATE // 10))
    spectrum = np.fft.rfft(tone, n_padded)
    frequencies = np.fft.rfftfreq(n_padded, 1 / RATE)
    found = np.zeros(len(tone))
    for step in range(n_steps + 1):
        hertz = 8.176 * 2 ** (min(low + (high - low) * step / n_steps, _OPEN) / 1200)
        s = 1j * frequencies / hertz
        part = np.fft.irfft(spectrum / (1 + math.sqrt(2) * s + s * s), n_padded)
        found += part[: len(tone)] * np.clip(1 - np.abs(places - step), 0, 1)
    return found.astype(np.float32)


def write_wav(path: Path, performance: Performance, *, font: Path | None = None) -> float:
    """Writes a performance as a WAV, which is there whole or not at all; returns its seconds.

    16 bits, two channels. The loudest moment is brought to 1 dB below the limit, so that nothing
    is cut off. The sound is rendered twice, once to find that moment: it need not fit in memory.

    Args:
        path: of the file.
        performance: with one note at least.
        font: as for :class:`Synthesizer`.

    Raises:
        MissingExtra: if no font is named and none is installed.
        DataError: if there are no notes, or the font is damaged.
        ResourceError: if the disk is full or refuses.
    """
    if not performance.notes:
        raise DataError("There is nothing to be heard: no notes.", "Make a longer performance.")
    synthesizer = Synthesizer(font)
    peak, n = 0.0, 0
    for part in synthesizer.parts(performance):
        peak, n = max(peak, float(np.abs(part).max(initial=0.0))), n + len(part)
    scale = 32767 * _PEAK / peak if peak else 0.0
    with atomic_write(path) as file, wave.open(file, "wb") as out:
        out.setnchannels(2)
        out.setsampwidth(2)
        out.setframerate(RATE)
        for part in synthesizer.parts(performance):
            out.writeframes(np.rint(part * scale).astype("<i2").tobytes())
    return n / RATE
