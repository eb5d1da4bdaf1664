"""Parts that every model is built from: tensors in, tensors out.

Nothing here knows a model, a file or a string. One legend of axes serves the whole project:

====  =======================  ====  =======================
B     batch                    H     heads (n_head)
T     query positions          K     head size (n_embd / n_head)
S     key positions            F     inner width of the MLP (n_inner)
M     memory                   V     vocabulary (vocab_size)
D     n_embd                   L     layers (n_layer)
====  =======================  ====  =======================
"""

from cutaway.nn.attention import attend, merge_heads, split_heads
from cutaway.nn.cache import KVCache, LayerCache
from cutaway.nn.conv1d import Conv1D
from cutaway.nn.masks import Mask, causal_mask
from cutaway.nn.norm import RMSNorm, rms_norm
from cutaway.nn.projection import Projection
from cutaway.nn.rotary import Rotation, rotate, rotation
from cutaway.nn.tap import NO_TAP, Tap

__all__ = [
    "NO_TAP",
    "Conv1D",
    "KVCache",
    "LayerCache",
    "Mask",
    "Projection",
    "RMSNorm",
    "Rotation",
    "Tap",
    "attend",
    "causal_mask",
    "merge_heads",
    "rms_norm",
    "rotate",
    "rotation",
    "split_heads",
]
