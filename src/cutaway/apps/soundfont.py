"""Reads a sound font: the recordings of an instrument, and how each is to be played.

SoundFont 2.04, section 7: a RIFF file of samples in 16 bits and of tables. An instrument's *zones*
say which sample sounds for which keys and velocities, and set *generators*, numbers by which it is
tuned, faded and panned; a preset's zones add to those. Only the file is read here, nothing is
played; the numbers of the first preset are kept in seconds, decibels and semitones.
"""

import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import DataError

__all__ = ["Instrument", "Zone", "read_instrument"]

# Generators by their numbers (section 8.1.2), and what stands for those that are not set.
_START, _END, _LOOP_START, _LOOP_END = 0, 1, 2, 3  # samples to add to the sample's own
_FILTER, _SWEEP, _PAN = 8, 11, 17
_FILTER_ENVELOPE, _VOLUME_ENVELOPE = range(25, 31), range(33, 39)  # delay ... sustain, release
_INSTRUMENT, _KEYS, _VELOCITIES, _ATTENUATION = 41, 43, 44, 48
_COARSE, _FINE, _SAMPLE, _LOOPS, _SCALE, _ROOT = 51, 52, 53, 54, 56, 58
_USUAL = {_FILTER: 13500, _SCALE: 100, _ROOT: -1}  # times: see _envelope
_OF_INSTRUMENTS = {_START, _END, _LOOP_START, _LOOP_END, _LOOPS, _ROOT, _SAMPLE}
_EVERY = (0, 127)
_TABLES = {"phdr": 38, "pbag": 4, "pgen": 4, "inst": 22, "ibag": 4, "igen": 4, "shdr": 46}
_MOST_ZONES = 4096

Generators = dict[int, int]
Ranges = dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """How something rises to 1 and falls again; all but the last but one in seconds.

    Attributes:
        delay: before it rises.
        attack: from 0 to 1.
        hold: at 1.
        decay: what it would take from 1 to 0.
        sustain: the level at which the decay ends, from 0 to 1.
        release: what it would take from 1 to 0 when the key is up.
    """

    delay: float
    attack: float
    hold: float
    decay: float
    sustain: float
    release: float

    def level(self, seconds: NDArray[np.float64]) -> NDArray[np.float64]:
        """The level after so many seconds with the key down."""
        peak = self.delay + self.attack
        risen = (seconds - self.delay) / max(self.attack, 1e-9)
        fallen = 1 - (seconds - peak - self.hold) / max(self.decay, 1e-9)
        return np.where(seconds < peak, np.clip(risen, 0, 1), np.clip(fallen, self.sustain, 1))


@dataclass(frozen=True, slots=True, kw_only=True)
class Zone:
    """A sample and how it is played.

    Attributes:
        keys: the lowest and the highest pitch that it is for.
        velocities: likewise.
        start: of the sample, among all samples of the file.
        end: one behind its last.
        loop: where it repeats, from and to (exclusive); None if it does not.
        rate: samples a second, at which it sounds as ``root``.
        root: pitch, with fractions of a semitone.
        scale: semitones from one key to the next, nearly always 1.
        pan: from -1, all left, to 1, all right.
        attenuation: decibels.
        volume: how it fades; a level of 1 stands for 100 decibels.
        cutoff: of its low-pass filter, in cents above 8.176 Hz.
        sweep: cents that the filter is opened by at the height of ``opening``.
        opening: how the filter closes.
    """

    keys: tuple[int, int]
    velocities: tuple[int, int]
    start: int
    end: int
    loop: tuple[int, int] | None
    rate: int
    root: float
    scale: float
    pan: float
    attenuation: float
    volume: Envelope
    cutoff: float
    sweep: float
    opening: Envelope


@dataclass(frozen=True, slots=True, eq=False)
class Instrument:
    """The first preset of a sound font.

    Attributes:
        name: as the font has it.
        samples: of the whole file, mapped and not read.
        zones: all of them.
    """

    name: str
    samples: NDArray[np.int16]
    zones: tuple[Zone, ...]


def read_instrument(path: Path) -> Instrument:
    """The preset with the lowest number: a grand piano, in fonts for General MIDI.

    Raises:
        DataError: if the file cannot be read, is no sound font, or is damaged.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(12)
            if head[:4] != b"RIFF" or head[8:] != b"sfbk":
                raise DataError(f"{path} is no sound font.", "Give a .sf2 file.")
            chunks = dict(_chunks(file, 12, size))
            where = chunks.pop("smpl")
            tables = {name: _read(file, *chunks[name]) for name in _TABLES}
        if where[1] < 2:
            raise ValueError("it has no samples")
        samples = np.memmap(path, "<i2", "r", offset=where[0], shape=(where[1] // 2,))
        return _first_preset(tables, samples)
    except OSError as error:
        raise DataError(
            f"Cannot read the sound font {path}: {error.strerror}.", "Check the path."
        ) from error
    except (KeyError, IndexError, ValueError, struct.error) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(
            f"The sound font {path} is damaged: {error}.", "Give another .sf2 file."
        ) from error


def _chunks(file: BinaryIO, start: int, end: int) -> Iterator[tuple[str, tuple[int, int]]]:
    """The place and size of each chunk, those inside of lists among them."""
    at = start
    while at + 8 <= end:
        file.seek(at)
        name, size = struct.unpack("<4sI", file.read(8))
        if at + 8 + size > end:
            raise ValueError("its end is missing")
        if name == b"LIST":
            yield from _chunks(file, at + 12, at + 8 + size)
        else:
            yield name.decode("latin-1"), (at + 8, size)
        at += 8 + size + size % 2


def _read(file: BinaryIO, place: int, size: int) -> bytes:
    if size > 1 << 24:
        raise ValueError("a table is too large")
    file.seek(place)
    return file.read(size)


def _first_preset(tables: dict[str, bytes], samples: NDArray[np.int16]) -> Instrument:
    presets = _records(tables["phdr"], "<20sHHHIII")
    order = sorted(range(len(presets) - 1), key=lambda i: (presets[i][2], presets[i][1]))
    if not order:
        raise ValueError("it has no presets")
    first = order[0]
    bags = range(presets[first][3], presets[first + 1][3])
    name = presets[first][0].split(b"\0")[0].decode("latin-1").strip()
    instruments = _records(tables["inst"], "<20sH")
    headers = _records(tables["shdr"], "<20sIIIIIBbHH")
    zones: list[Zone] = []
    for above, ranges, target in _zones(tables, "p", bags, _INSTRUMENT):
        inner = range(instruments[target][1], instruments[target + 1][1])
        for own, own_ranges, sample in _zones(tables, "i", inner, _SAMPLE):
            both = _joined(ranges, own_ranges)
            if both is not None and len(zones) < _MOST_ZONES:
                values = _sum(own, above)
                zones.append(_zone(values, both, headers[sample], len(samples)))
    if not zones:
        raise ValueError("its first preset has no samples")
    return Instrument(name, samples, tuple(zones))


def _records(table: bytes, form: str) -> list[tuple[Any, ...]]:
    size = struct.calcsize(form)
    return list(struct.iter_unpack(form, table[: len(table) // size * size]))


def _zones(
    tables: dict[str, bytes], kind: str, bags: Sequence[int], link: int
) -> Iterator[tuple[Generators, Ranges, int]]:
    """Generators, ranges and what each zone points to.

    A first zone that points nowhere holds what the others have in common.
    """
    starts, all_generators = _records(tables[f"{kind}bag"], "<HH"), tables[f"{kind}gen"]
    common, common_ranges = Generators(), Ranges()
    for bag in bags:
        values, ranges, target = dict(common), dict(common_ranges), None
        part = all_generators[4 * starts[bag][0] : 4 * starts[bag + 1][0]]
        for number, amount in struct.iter_unpack("<Hh", part):
            if number in (_KEYS, _VELOCITIES):
                ranges[number] = (amount & 0xFF, (amount >> 8) & 0xFF)
            elif number == link:
                target = amount & 0xFFFF
            else:
                values[number] = amount
        if target is not None:
            yield values, ranges, target
        elif bag == bags[0]:
            common, common_ranges = values, ranges


def _joined(a: Ranges, b: Ranges) -> Ranges | None:
    """The keys and velocities that both are for; None if there are none."""
    found = Ranges()
    for name in (_KEYS, _VELOCITIES):
        (low, high), (other_low, other_high) = a.get(name, _EVERY), b.get(name, _EVERY)
        found[name] = max(low, other_low), min(high, other_high)
        if found[name][0] > found[name][1]:
            return None
    return found


def _sum(own: Generators, above: Generators) -> Generators:
    """An instrument's numbers, to which those of the preset are added (section 9.4)."""
    values = {**_USUAL, **own}
    for number, amount in above.items():
        if number not in _OF_INSTRUMENTS:
            values[number] = values.get(number, 0) + amount
    return values


def _zone(values: Generators, ranges: Ranges, header: tuple[Any, ...], n_samples: int) -> Zone:
    _, start, end, loop_start, loop_end, rate, root, correction, _, _ = header

    def value(number: int) -> int:
        return values.get(number, 0)

    start, end = start + value(_START), end + value(_END)
    loop = loop_start + value(_LOOP_START), loop_end + value(_LOOP_END)
    if not (0 <= start < end <= n_samples and 0 < rate <= 400_000):
        raise ValueError("a sample lies outside of the file")
    loops = value(_LOOPS) & 1 and start <= loop[0] < loop[1] <= end
    tuned = value(_ROOT) if 0 <= value(_ROOT) <= 127 else root
    return Zone(
        keys=ranges[_KEYS],
        velocities=ranges[_VELOCITIES],
        start=start,
        end=end,
        loop=loop if loops else None,
        rate=rate,
        root=tuned - value(_COARSE) - (value(_FINE) + correction) / 100,
        scale=value(_SCALE) / 100,
        pan=max(-1.0, min(1.0, value(_PAN) / 500)),
        attenuation=max(0.0, value(_ATTENUATION) / 10),
        volume=_envelope(values, _VOLUME_ENVELOPE),
        cutoff=value(_FILTER),
        sweep=value(_SWEEP),
        opening=_envelope(values, _FILTER_ENVELOPE),
    )


def _envelope(values: Generators, numbers: Sequence[int]) -> Envelope:
    """Times are in 1,200th of powers of two, the sustain in thousandths below the peak."""
    delay, attack, hold, decay, _, release = (
        min(2.0 ** (values.get(number, -12000) / 1200), 100.0) for number in numbers
    )
    sustain = 1 - max(0, min(1000, values.get(numbers[4], 0))) / 1000
    return Envelope(
        delay=delay, attack=attack, hold=hold, decay=decay, sustain=sustain, release=release
    )
