"""Models, one file for each paper."""

from cutaway.models.gpt2 import GPT2, GPT2Config
from cutaway.models.presets import PRESETS

__all__ = ["GPT2", "PRESETS", "GPT2Config"]
