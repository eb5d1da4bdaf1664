"""The sizes of GPT-2, of the model in the box, and of each other kind: data only.

Those of music are the paper's with relative attention (Huang et al. 2019, tables 2 and 3).
"""

from cutaway.models.config import (
    GPT2Config,
    ModelConfig,
    ModernConfig,
    MusicTransformerConfig,
    TransformerDecoderConfig,
)

__all__ = ["PRESETS"]

PRESETS: dict[str, ModelConfig] = {
    "gpt2": GPT2Config(n_layer=12, n_embd=768, n_head=12),
    "gpt2-medium": GPT2Config(n_layer=24, n_embd=1024, n_head=16),
    "gpt2-large": GPT2Config(n_layer=36, n_embd=1280, n_head=20),
    "gpt2-xl": GPT2Config(n_layer=48, n_embd=1600, n_head=25),
    "pocket": GPT2Config(vocab_size=8192, n_layer=6, n_embd=384, n_head=6),
    "modern": ModernConfig(vocab_size=8192, n_layer=6, n_embd=384, n_head=6),
    "t-dmca": TransformerDecoderConfig(vocab_size=8192, n_layer=5, n_embd=256, n_head=4),
    "jsb": MusicTransformerConfig(
        vocab_size=130, n_layer=5, n_embd=512, n_inner=512, n_att=512, max_relative=256
    ),
    "piano": MusicTransformerConfig(
        vocab_size=389, n_layer=6, n_embd=256, n_inner=2048, n_att=512, max_relative=1024
    ),
}
