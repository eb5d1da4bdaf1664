"""Measurements of a model; each states its protocol, in its docstring and in its result."""

from cutaway.evals.bits import BitsPerByte, SourceBits, bits_per_byte
from cutaway.evals.blimp import Blimp, MinimalPair, Paradigm, blimp, read_blimp
from cutaway.evals.copies import Copies, Passage, copied_passages
from cutaway.evals.lambada import Lambada, lambada, read_lambada
from cutaway.evals.repetition import NgramShare, Repetition, repeated_ngrams, repetition
from cutaway.evals.samples import PROMPTS, Samples, draw_samples
from cutaway.evals.wikitext import WikiText, read_wikitext, wikitext

__all__ = [
    "PROMPTS",
    "BitsPerByte",
    "Blimp",
    "Copies",
    "Lambada",
    "MinimalPair",
    "NgramShare",
    "Paradigm",
    "Passage",
    "Repetition",
    "Samples",
    "SourceBits",
    "WikiText",
    "bits_per_byte",
    "blimp",
    "copied_passages",
    "draw_samples",
    "lambada",
    "read_blimp",
    "read_lambada",
    "read_wikitext",
    "repeated_ngrams",
    "repetition",
    "wikitext",
]
