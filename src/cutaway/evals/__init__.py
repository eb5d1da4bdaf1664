"""Measurements of a model; each states its protocol."""

from cutaway.evals.bits import BitsPerByte, SourceBits, bits_per_byte
from cutaway.evals.blimp import Blimp, MinimalPair, Paradigm, blimp, read_blimp

__all__ = [
    "BitsPerByte",
    "Blimp",
    "MinimalPair",
    "Paradigm",
    "SourceBits",
    "bits_per_byte",
    "blimp",
    "read_blimp",
]
