"""Does every file of a set of performances come back?

Each is read, encoded, decoded, written as MIDI, read and encoded again.

``python -m benchmarks.music_roundtrip PLACE...`` (default: the shared performances). The
ids must be the same at the end; every note must be within 5 ms and 2 of its velocity; and what our
reader finds must be, for one file in ``CUTAWAY_BENCH_SLOW`` (default 40), what mido tells event by
event. Ends with 1 and names the file where anything is not so.
"""

import json
import os
import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cutaway.errors import CutawayError
from cutaway.music import (
    Note,
    Performance,
    decode,
    decode_chorale,
    encode,
    encode_chorale,
    midi_of,
    read_chorales,
    read_midi,
)

sys.path.insert(0, "tests")
from midi_files import slow_read

SLOW = int(os.environ.get("CUTAWAY_BENCH_SLOW", "40"))
DATA = Path(os.environ.get("CUTAWAY_DATA", "../shared/data"))
SECONDS, VELOCITY = 0.005 + 1e-9, 2


def files(places: list[Path]) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of MIDI files, in folders, in tar archives, or by themselves."""
    for place in places:
        if place.is_dir():
            inside = sorted(p for p in place.rglob("*") if p.suffix in (".mid", ".midi", ".xz"))
            yield from files(inside)
        elif ".tar" in place.name:
            with tarfile.open(place) as archive:
                for member in archive:
                    data = archive.extractfile(member)
                    if data is not None and member.name.endswith((".mid", ".midi")):
                        yield f"{place}: {member.name}", data.read()
        elif place.suffix in (".mid", ".midi"):
            yield str(place), place.read_bytes()


@dataclass
class Tally:
    files: int = 0
    notes: int = 0
    events: int = 0
    strikes_within_a_step: int = 0
    notes_of_no_step: int = 0
    read_by_mido_too: int = 0
    worst_ms: float = 0.0
    worst_velocity: int = 0

    def add(self, name: str, data: bytes) -> str:
        """What is wrong with a file; nothing if nothing is."""
        performance = read_midi(data, name)
        if self.files % SLOW == 0:
            self.read_by_mido_too += 1
            if performance.notes != tuple(slow_read(data)):
                return "mido tells of other notes"
        ids = encode(performance)
        decoded = decode(ids)
        again = read_midi(midi_of(decoded))
        self.files += 1
        self.notes += len(performance)
        self.events += len(ids)
        if again != decoded or encode(again) != ids:
            return "the ids are not the same at the end"
        return self._compare(performance, again)

    def _compare(self, given: Performance, found: Performance) -> str:
        notes = {(note.pitch, round(note.start * 100)): note for note in found.notes}
        strikes: dict[tuple[int, int], list[Note]] = {}
        for note in given.notes:
            strikes.setdefault((note.pitch, int(note.start * 100 + 0.5)), []).append(note)
        if notes.keys() != strikes.keys():
            return "a note is lost or made up"
        for key, together in strikes.items():
            note = notes[key]
            self.strikes_within_a_step += len(together) - 1
            self.notes_of_no_step += note.start == note.end
            end = max(strike.end for strike in together)
            velocity = max(strike.velocity for strike in together)
            apart = max(abs(note.start - strike.start) for strike in together)
            self.worst_ms = max(self.worst_ms, 1e3 * apart, 1e3 * abs(note.end - end))
            self.worst_velocity = max(self.worst_velocity, abs(note.velocity - velocity))
        if self.worst_ms > 1e3 * SECONDS or self.worst_velocity > VELOCITY:
            return f"{self.worst_ms:.3f} ms or {self.worst_velocity} of the velocity off"
        return ""


def chorales(places: list[Path]) -> tuple[int, int]:
    """How many chorales there are in files of them, and how many do not come back."""
    inside = (p for place in places for p in ([place] if place.is_file() else place.rglob("*")))
    paths = sorted(p for p in inside if p.name.endswith((".json", ".json.xz")))
    parts = [part for path in paths for part in read_chorales(path).values()]
    wrong = [c for part in parts for c in part if decode_chorale(encode_chorale(c)) != c]
    return sum(map(len, parts)), len(wrong)


def main() -> int:
    found = [*sorted(DATA.glob("piano_*")), *sorted(DATA.glob("jsb_*"))]
    places = [Path(name) for name in sys.argv[1:]] or found
    tally = Tally()
    n_chorales, wrong = chorales(places)
    for name, data in files(places):
        try:
            message = tally.add(name, data)
        except CutawayError as error:
            message = str(error)
        if message:
            wrong += 1
            print(f"{name}: {message}", file=sys.stderr)
    line = {"benchmark": "music_roundtrip", "wrong": wrong, "chorales": n_chorales, **vars(tally)}
    print(json.dumps(line | {"worst_ms": round(tally.worst_ms, 3)}))
    is_empty = bool(sys.argv[1:]) and not tally.files + n_chorales
    return 1 if wrong or is_empty else 0


if __name__ == "__main__":
    sys.exit(main())
