"""Models, one file for each paper.

What needs torch is imported when it is first used; a size does not.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily
from cutaway.models.config import GPT2Config
from cutaway.models.presets import PRESETS

if TYPE_CHECKING:
    from cutaway.models.gpt2 import GPT2
    from cutaway.models.parameters import Matrix, ParameterTable, parameter_table

__all__ = ["GPT2", "PRESETS", "GPT2Config", "Matrix", "ParameterTable", "parameter_table"]

_HOMES = {
    "GPT2": "cutaway.models.gpt2",
    "Matrix": "cutaway.models.parameters",
    "ParameterTable": "cutaway.models.parameters",
    "parameter_table": "cutaway.models.parameters",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
