"""Measurements of a model; each states its protocol, in its docstring and in its result."""

from cutaway.evals.bits import BitsPerByte, SourceBits, bits_per_byte
from cutaway.evals.blimp import Blimp, blimp, minimal_pair, read_blimp
from cutaway.evals.cbt import Cbt, cbt, read_cbt
from cutaway.evals.choices import Question, Tally
from cutaway.evals.compression import Compression, bits_per_unit, read_wikipedia
from cutaway.evals.copies import Copies, Passage, copied_passages
from cutaway.evals.hellaswag import HellaSwag, hellaswag, read_hellaswag
from cutaway.evals.lambada import Lambada, lambada, read_lambada
from cutaway.evals.repetition import NgramShare, Repetition, repeated_ngrams, repetition
from cutaway.evals.samples import PROMPTS, Samples, draw_samples
from cutaway.evals.words import CORPORA, WordPerplexity, read_words, word_perplexity

__all__ = [
    "CORPORA",
    "PROMPTS",
    "BitsPerByte",
    "Blimp",
    "Cbt",
    "Compression",
    "Copies",
    "HellaSwag",
    "Lambada",
    "NgramShare",
    "Passage",
    "Question",
    "Repetition",
    "Samples",
    "SourceBits",
    "Tally",
    "WordPerplexity",
    "bits_per_byte",
    "bits_per_unit",
    "blimp",
    "cbt",
    "copied_passages",
    "draw_samples",
    "hellaswag",
    "lambada",
    "minimal_pair",
    "read_blimp",
    "read_cbt",
    "read_hellaswag",
    "read_lambada",
    "read_wikipedia",
    "read_words",
    "repeated_ngrams",
    "repetition",
    "word_perplexity",
]
