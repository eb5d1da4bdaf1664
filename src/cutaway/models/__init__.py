"""Models, one file for each paper."""

from cutaway.models.gpt2 import GPT2, GPT2Config
from cutaway.models.parameters import Matrix, ParameterTable, parameter_table
from cutaway.models.presets import PRESETS

__all__ = ["GPT2", "PRESETS", "GPT2Config", "Matrix", "ParameterTable", "parameter_table"]
