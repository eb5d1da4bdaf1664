"""From a size to a model of that size."""

from cutaway.models.config import (
    DecoderConfig,
    GPT2Config,
    ModernConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)
from cutaway.models.decoder import Decoder
from cutaway.models.gpt2 import GPT2
from cutaway.models.modern import Modern
from cutaway.models.music_transformer import MusicTransformer
from cutaway.models.transformer import EncoderDecoder
from cutaway.models.transformer_decoder import TransformerDecoder

__all__ = ["new_model"]


def new_model(config: DecoderConfig, *, seed: int = 0) -> Decoder:
    """A fresh model: which one is told by the class of its configuration.

    >>> type(new_model(ModernConfig(vocab_size=9, n_ctx=8, n_embd=4, n_layer=1, n_head=2))).__name__
    'Modern'
    """
    if isinstance(config, ModernConfig):
        return Modern(config, seed=seed)
    if isinstance(config, TransformerDecoderConfig):
        return TransformerDecoder(config, seed=seed)
    if isinstance(config, TransformerConfig):
        return EncoderDecoder(config, seed=seed)
    if isinstance(config, MusicTransformerConfig):
        return MusicTransformer(config, seed=seed)
    if isinstance(config, GPT2Config):
        return GPT2(config, seed=seed)
    raise TypeError(f"{type(config).__name__} is the size of no model")
