"""How much arithmetic a token costs in training, and how much a device could do.

The share of the second that the first reaches is the *model FLOPs utilization*, MFU (Chowdhery et
al. 2022, "PaLM", appendix B): what the model needs, not what the program does; work done twice,
as under activation checkpointing, does not count.
"""

import re

from cutaway.models.config import (
    DecoderConfig,
    ModernConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)

__all__ = ["flops_per_token", "peak_of"]


def flops_per_token(
    config: DecoderConfig, context: int | None = None, *, parameters: int | None = None
) -> int:
    """Floating-point operations for one token, forward and backward: ``6 N + 12 L D T``.

    PaLM, appendix B. ``N`` are the parameters that a token is multiplied with: all but what is
    looked up, which is the table of positions, and the token embedding where it is not the output
    head as well. The second term is attention's scores and sums, counted as if nothing were
    masked, as everybody does. A Transformer-Decoder's local and compressed attention has fewer keys
    than ``T`` by construction: a block, or the slots; what makes a slot runs once for its tokens. A
    token of a Transformer is one of a pair, half of which the encoder reads, the other the decoder.
    In a Music Transformer ``D`` is the width of all heads, in local attention a query has two
    blocks of keys, and of the vectors of distances those count that a window is long enough for.

    Args:
        config: of the model.
        context: positions ``T`` of a window; those of the model by default.
        parameters: ``N`` of another architecture than GPT-2 and the modern decoder.

    >>> from cutaway.models import PRESETS
    >>> flops_per_token(PRESETS["gpt2"])  # 6 * 123,653,376 + 12 * 12 * 768 * 1024
    855166464
    """
    layers, width = config.n_layer, config.n_embd
    positions = config.n_ctx if context is None else context
    if parameters is None:
        parameters = layers * 12 * width**2 + config.vocab_size * width  # matrices, and the head
        if not isinstance(config, ModernConfig):  # biases, and the norms' gains
            parameters += layers * 13 * width + 2 * width
        if isinstance(config, TransformerDecoderConfig):  # of what compresses, a token's share
            parameters += 2 * config.count("m") * width**2
        if isinstance(config, TransformerConfig):  # half of both stacks: a token is in one of them
            matrices = 12 * width**2 + 4 * width * config.n_inner
            parameters = layers * matrices // 2 + config.vocab_size * width // 2
        if isinstance(config, MusicTransformerConfig):
            parameters = _of_music(config, positions)
    return 6 * parameters + 12 * config.n_att * _keys(config, positions)


def _of_music(config: MusicTransformerConfig, positions: int) -> int:
    """The parameters that a token of a Music Transformer is multiplied with."""
    width, inner = config.n_embd, config.n_inner
    distances = min(config.max_relative, positions, 2 * config.window or positions)
    block = config.n_att * (4 * width + distances) + inner * (2 * width + 1) + 5 * width
    return config.n_layer * block + (config.vocab_size + 2) * width


def _keys(config: DecoderConfig, positions: int) -> int:
    """The keys that a query is held against, over all blocks."""
    if isinstance(config, MusicTransformerConfig) and config.window:
        return config.n_layer * min(2 * config.window, positions)
    if not isinstance(config, TransformerDecoderConfig):
        return config.n_layer * positions
    local, slots = min(config.block, positions), 1 + positions // config.stride
    return sum(config.count(x) * n for x, n in (("l", local), ("m", slots), ("f", positions)))


# Dense matrix products in bfloat16 with sums in float32, in TFLOP/s, from the makers' data sheets
# (where those give the figure "with sparsity", half of it). The first that fits is taken.
_PEAKS = (
    (r"GB200", 2500),
    (r"B200", 2250),
    (r"H100 PCIe", 756),
    (r"H100 NVL", 835),
    (r"H100|H200|H800|GH200", 989),
    (r"H20", 148),
    (r"A100|A800", 312),
    (r"A40", 150),
    (r"A30", 165),
    (r"A10G", 70),
    (r"A10", 125),
    (r"L40S", 362),
    (r"L40", 181),
    (r"L4", 121),
    (r"RTX 4090", 165),
    (r"RTX 3090", 71),
    (r"MI300X|MI325X", 1307),
    (r"MI250X?", 191),  # one of the two halves, which is one device to PyTorch
)


def peak_of(device: str, precision: str = "bf16") -> float | None:
    """What a device could do at most, in FLOP/s; None where that is not known.

    Args:
        device: as its driver calls it, such as ``torch.cuda.get_device_name()`` says.
        precision: that is trained in; the table knows 16 bits only, and of a processor nothing.

    >>> peak_of("NVIDIA H100 80GB HBM3"), peak_of("NVIDIA A100-SXM4-80GB")
    (989000000000000.0, 312000000000000.0)
    >>> peak_of("AMD EPYC 9R14") is peak_of("NVIDIA H200", "fp32") is None
    True
    """
    if precision not in ("bf16", "fp16"):
        return None
    for name, tera in _PEAKS:
        if re.search(rf"\b(?:{name})\b", device, re.IGNORECASE):
            return tera * 1e12
    return None
