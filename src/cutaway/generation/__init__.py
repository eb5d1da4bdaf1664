"""From logits to text: filters, the decode loop, stopping, beams."""

from cutaway.generation.completion import Candidate, Completion, NextTokens, StreamEvent
from cutaway.generation.language_model import LanguageModel
from cutaway.generation.loading import load
from cutaway.generation.request import Request
from cutaway.generation.sample import Sample, TextStream
from cutaway.generation.scheduler import Scheduler
from cutaway.generation.scoring import Score
from cutaway.generation.settings import GenerationConfig, GenerationSettings

__all__ = [
    "Candidate",
    "Completion",
    "GenerationConfig",
    "GenerationSettings",
    "LanguageModel",
    "NextTokens",
    "Request",
    "Sample",
    "Scheduler",
    "Score",
    "StreamEvent",
    "TextStream",
    "load",
]
