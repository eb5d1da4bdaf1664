"""How fast is a set of performances turned into events? Ours beside the fastest library tokenizer.

MIDI files as bytes in memory, one thread, in turn, in files and MB per second of processor time, so
that a busy machine hurts all alike: ours (bytes to ids, checked and pedalled), miditok's tokenizers
over symusic at their own settings (bytes to ids), and for the scale what symusic alone and mido
alone take to read the bytes. The ratio is ours to the fastest of miditok's.

``python -m benchmarks.music [FOLDER-OR-ARCHIVE...]`` (default: the shared performances, and without
them performances made up).
"""

import io
import json
import os
import platform
import random
import statistics
import sys
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

import miditok
import mido
from symusic import Score

from benchmarks.music_roundtrip import DATA, files
from cutaway.music import Note, Performance, midi_of, read_midi
from cutaway.music.events import encode_array

FILES = int(os.environ.get("CUTAWAY_BENCH_FILES", "48"))
ROUNDS = int(os.environ.get("CUTAWAY_BENCH_ROUNDS", "3"))
FEW = 4  # of the files, for mido, which would take minutes


def cutaway(data: bytes) -> int:
    return len(encode_array(read_midi(data)))


def symusic_reads(data: bytes) -> int:
    return Score.from_midi(data).note_num()


def mido_reads(data: bytes) -> int:
    return sum(map(len, mido.MidiFile(file=io.BytesIO(data)).tracks))


def miditok_with(kind: str) -> Callable[[bytes], int]:
    tokenizer = getattr(miditok, kind)(miditok.TokenizerConfig(num_velocities=32))

    def encode(data: bytes) -> int:
        found = tokenizer.encode(Score.from_midi(data))
        return sum(len(row.ids) for row in (found if isinstance(found, list) else [found]))

    return encode


def made_up() -> list[bytes]:
    """Performances of four hands, as many notes as a sonata has."""
    chance = random.Random(1)
    found: list[bytes] = []
    for _ in range(FILES):
        notes: list[Note] = []
        for _ in range(3000):
            start = chance.random() * 400
            length = chance.expovariate(2)
            notes.append(
                Note(start, start + length, chance.randint(30, 90), chance.randint(20, 110))
            )
        found.append(midi_of(Performance(notes)))
    return found


def sample() -> tuple[str, list[bytes]]:
    """Files from all parts of the set."""
    places = [Path(name) for name in sys.argv[1:]] or sorted(DATA.glob("piano_*"))
    found = [data for _, data in files(places)]
    if not found:
        return "made up", made_up()
    step = max(1, len(found) // FILES)
    return ", ".join(sorted(place.name for place in places)), found[::step][:FILES]


def seconds(encode: Callable[[bytes], int], performances: list[bytes]) -> float:
    started = time.process_time()
    for data in performances:
        encode(data)
    return time.process_time() - started


def main() -> None:
    name, performances = sample()
    peers: dict[str, Callable[[bytes], int]] = {
        "cutaway": cutaway,
        **{f"miditok_{kind}": miditok_with(kind) for kind in ("MIDILike", "TSD", "REMI")},
        "symusic_reads": symusic_reads,
        "mido_reads": mido_reads,
    }
    n_ids = {peer: sum(map(encode, performances[:FEW])) for peer, encode in peers.items()}
    rates: dict[str, list[float]] = {peer: [] for peer in peers}
    for _ in range(ROUNDS):
        for peer, encode in peers.items():
            share = performances[:FEW] if peer == "mido_reads" else performances
            megabytes = sum(map(len, share)) / 1e6
            rates[peer].append(megabytes / seconds(encode, share))
    speed = {peer: statistics.median(values) for peer, values in rates.items()}
    fastest = max((peer for peer in peers if "miditok" in peer), key=speed.__getitem__)
    size = sum(map(len, performances)) / 1e6 / len(performances)
    line = {
        "benchmark": "music",
        "set": name,
        "files": len(performances),
        "megabytes": round(size * len(performances), 2),
        "rounds": ROUNDS,
        "mb_per_cpu_s": {peer: round(value, 2) for peer, value in speed.items()},
        "files_per_cpu_s": {peer: round(value / size, 1) for peer, value in speed.items()},
        "fastest_library": fastest,
        "ratio": round(speed["cutaway"] / speed[fastest], 2),
        "ids_of_four_files": n_ids,
        "versions": {name: version(name) for name in ("symusic", "miditok", "mido", "numpy")},
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
