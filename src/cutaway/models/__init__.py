"""Models, one file for each paper.

What needs torch is imported when it is first used; a size does not.
"""

from typing import TYPE_CHECKING

from cutaway.lazily import lazily
from cutaway.models.config import (
    DecoderConfig,
    GPT2Config,
    ModelConfig,
    ModernConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)
from cutaway.models.presets import PRESETS

if TYPE_CHECKING:
    from cutaway.models.build import new_model
    from cutaway.models.decoder import Decoder
    from cutaway.models.gpt2 import GPT2
    from cutaway.models.modern import Modern
    from cutaway.models.music_transformer import MusicTransformer
    from cutaway.models.parameters import Matrix, ParameterTable, parameter_table
    from cutaway.models.transformer import EncoderDecoder, Memory
    from cutaway.models.transformer_decoder import TransformerDecoder

__all__ = [
    "GPT2",
    "PRESETS",
    "Decoder",
    "DecoderConfig",
    "EncoderDecoder",
    "GPT2Config",
    "Matrix",
    "Memory",
    "ModelConfig",
    "Modern",
    "ModernConfig",
    "MusicTransformer",
    "MusicTransformerConfig",
    "ParameterTable",
    "TransformerConfig",
    "TransformerDecoder",
    "TransformerDecoderConfig",
    "new_model",
    "parameter_table",
]

_HOMES = {
    "Decoder": "cutaway.models.decoder",
    "GPT2": "cutaway.models.gpt2",
    "Modern": "cutaway.models.modern",
    "MusicTransformer": "cutaway.models.music_transformer",
    "TransformerDecoder": "cutaway.models.transformer_decoder",
    "EncoderDecoder": "cutaway.models.transformer",
    "Memory": "cutaway.models.transformer",
    "new_model": "cutaway.models.build",
    "Matrix": "cutaway.models.parameters",
    "ParameterTable": "cutaway.models.parameters",
    "parameter_table": "cutaway.models.parameters",
}
__getattr__, __dir__ = lazily(__name__, _HOMES)
