"""Tiny models of performances for tests, and MIDI files made of bytes."""

from collections.abc import Callable

from cutaway.generation import LanguageModel
from cutaway.models import GPT2, GPT2Config, MusicTransformer, MusicTransformerConfig
from cutaway.music.vocabulary import performance_tokenizer

__all__ = ["PIECE", "midi_file", "music_model", "music_transformer"]

PIECE = (
    "SET_VELOCITY_20 NOTE_ON_60 TIME_SHIFT_50 NOTE_ON_64 SET_VELOCITY_28 NOTE_ON_67 TIME_SHIFT_25 "
    "NOTE_OFF_60 NOTE_OFF_64 NOTE_OFF_67 SET_VELOCITY_12 NOTE_ON_72 TIME_SHIFT_100 NOTE_OFF_72 "
    "NOTE_ON_60 TIME_SHIFT_30 NOTE_OFF_60"
)
"""Five notes, canonical: one and two more, the octave, and the first again."""


def music_model(
    enliven: Callable[..., GPT2], *, name: str = "piano", seed: int = 5, n_ctx: int = 48
) -> LanguageModel:
    """A GPT-2 that writes events; no two axes of it have one size."""
    tokenizer = performance_tokenizer()
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=n_ctx, n_embd=20, n_layer=3, n_head=5)
    model = enliven(GPT2(size), seed=seed).requires_grad_(False)
    return LanguageModel(model, tokenizer, name=name, fingerprint=f"{seed:x}" * 16)


def music_transformer(
    enliven: Callable[..., MusicTransformer], *, max_relative: int = 7
) -> LanguageModel:
    """A Music Transformer that writes events; its heads are wider together than its stream."""
    tokenizer = performance_tokenizer()
    size = MusicTransformerConfig(
        vocab_size=tokenizer.vocab_size,
        n_ctx=48,
        n_embd=20,
        n_layer=2,
        n_head=5,
        n_inner=28,
        n_att=30,
        max_relative=max_relative,
    )
    model = enliven(MusicTransformer(size), seed=6).requires_grad_(False)
    return LanguageModel(model, tokenizer, name="relative", fingerprint="6" * 16)


def midi_file(notes: list[tuple[int, int, int, int]], *, division: int = 500) -> bytes:
    """A MIDI file of one track; its notes as (start, end, pitch, velocity), in milliseconds."""
    events = [(start, 0x90, pitch, velocity) for start, _, pitch, velocity in notes]
    events += [(end, 0x80, pitch, 0) for _, end, pitch, _ in notes]
    track, now = b"", 0
    for time, *message in sorted(events):
        track += _varying(time - now) + bytes(message)
        now = time
    track += b"\x00\xff\x2f\x00"
    head = b"MThd" + (6).to_bytes(4, "big") + b"\x00\x00\x00\x01" + division.to_bytes(2, "big")
    return head + b"MTrk" + len(track).to_bytes(4, "big") + track


def _varying(value: int) -> bytes:
    """A number in as many bytes as it takes, seven bits each."""
    parts = [value & 127]
    while value := value >> 7:
        parts.append(value & 127 | 128)
    return bytes(reversed(parts))
