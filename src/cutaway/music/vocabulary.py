"""The two vocabularies of music: events of performances, and pitches of chorales."""

from functools import cache

from cutaway.music.events import event_names
from cutaway.music.grid import chorale_names
from cutaway.tokenizers import WordTokenizer

__all__ = ["chorale_tokenizer", "performance_tokenizer"]


@cache
def performance_tokenizer() -> WordTokenizer:
    """The 388 events of a performance, and ``<|endoftext|>`` as 388; one object for all callers.

    >>> performance_tokenizer().encode("SET_VELOCITY_20 NOTE_ON_60 TIME_SHIFT_50 NOTE_OFF_60")
    [375, 60, 305, 188]
    """
    return WordTokenizer(event_names())


@cache
def chorale_tokenizer() -> WordTokenizer:
    """The 128 pitches, silence, and ``<|endoftext|>`` as 129; one object for all callers.

    >>> chorale_tokenizer().encode("PITCH_72 PITCH_67 PITCH_60 SILENCE")
    [72, 67, 60, 128]
    """
    return WordTokenizer(chorale_names())
