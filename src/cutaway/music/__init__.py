"""Music as notes, as events, as tokens: all that a model of music needs and no model knows.

A performance is a list of notes in seconds (``notes``). ``midi`` reads and writes files, ``events``
turns notes into the 388 events of performances and back, ``grid`` does so for chorales in steps of
a sixteenth note, and ``vocabulary`` names the ids. Nothing here knows torch.

The names below are imported when they are first used.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily

if TYPE_CHECKING:
    from cutaway.music.events import EVENTS, EventReader, decode, encode, event_seconds, one_hot
    from cutaway.music.grid import Chorale, decode_chorale, encode_chorale, read_chorales
    from cutaway.music.midi import midi_of, read_midi, write_midi
    from cutaway.music.notes import Note, Performance
    from cutaway.music.vocabulary import chorale_tokenizer, performance_tokenizer

__all__ = [
    "EVENTS", "Chorale", "EventReader", "Note", "Performance", "chorale_tokenizer", "decode",
    "decode_chorale", "encode", "encode_chorale", "event_seconds", "midi_of", "one_hot",
    "performance_tokenizer", "read_chorales", "read_midi", "write_midi",
]  # fmt: skip

_NAMES = {
    "events": "EVENTS EventReader decode encode event_seconds one_hot",
    "grid": "Chorale decode_chorale encode_chorale read_chorales",
    "midi": "midi_of read_midi write_midi",
    "notes": "Note Performance",
    "vocabulary": "chorale_tokenizer performance_tokenizer",
}
_HOMES = {name: f"{__name__}.{home}" for home, names in _NAMES.items() for name in names.split()}
__getattr__, __dir__ = lazily(__name__, _HOMES)
