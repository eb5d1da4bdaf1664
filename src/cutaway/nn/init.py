"""How the weights of GPT-2 start, in one table.

==================================  ==========================================================
token embedding, all matrices       normal, standard deviation 0.02
position embedding                  normal, 0.01 (openai/gpt-2 `model.py`; 0.02 elsewhere)
``c_proj`` of attention and MLP     normal, 0.02 / sqrt(2 L): "scale the weights of residual
                                    layers by 1/sqrt(N)" (Radford et al. 2019, section 2.3)
biases; layer-norm bias             0
layer-norm gain                     1
==================================  ==========================================================
"""

import math

import torch
from torch import nn

__all__ = ["init_weights"]


def init_weights(model: nn.Module, *, n_layer: int, seed: int) -> None:
    """Fills all parameters of ``model`` by the table above, by name, from a generator of its own.

    The process's global random state is neither read nor changed. Parameters on the meta device
    are left alone.
    """
    generator: torch.Generator | None = None
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            continue
        if generator is None:
            generator = torch.Generator(parameter.device).manual_seed(seed)
        path = name.split(".")
        with torch.no_grad():
            if path[-1] == "bias":
                parameter.zero_()
            elif parameter.ndim == 1:
                parameter.fill_(1.0)
            else:
                std = 0.01 if path[-2] == "wpe" else 0.02
                if path[-2] == "c_proj":
                    std /= math.sqrt(2 * n_layer)
                parameter.normal_(std=std, generator=generator)
