"""How weights start, in one table for each model.

Those of GPT-2:

==================================  ==========================================================
token embedding, all matrices       normal, standard deviation 0.02
position embedding                  normal, 0.01 (openai/gpt-2 `model.py`; 0.02 elsewhere)
``c_proj`` of attention and MLP     normal, 0.02 / sqrt(2 L): "scale the weights of residual
                                    layers by 1/sqrt(N)" (Radford et al. 2019, section 2.3)
biases; layer-norm bias             0
layer-norm gain                     1
==================================  ==========================================================

Those of the modern decoder, whose norms leave a mean square of 1 in front of every matrix:

===================================  =========================================================
token embedding                      normal, 0.02: a norm takes the scale off, but the smaller it
                                     is, the faster a learning rate turns directions
``c_q``, ``c_k``, ``c_v``, ``c_fc``  normal, 1 / sqrt(n_in): what comes out has a mean square of 1
``c_proj`` of attention and MLP      0: a fresh block adds nothing (the speedrun's record 5)
head                                 0: every word is as likely as any other
===================================  =========================================================

Those of the Transformer-Decoder, whose embedding goes into the stream times sqrt(D):

===================================  =========================================================
token embedding                      normal, 0.02: with tensor2tensor's 1 / sqrt(D) a fresh model
                                     is sure that every token comes again
all matrices                         normal, 1 / sqrt(n_in)
``c_proj`` of attention and MLP      the same, over sqrt(2 L)
biases; layer-norm bias              0
layer-norm gain                      1
null key and value                   0
===================================  =========================================================

Those of the Transformer, which says nothing of them; its authors' tensor2tensor, but for the
embedding (see above), and the Music Transformer's, from the same source:

===================================  =========================================================
token embedding                      normal, 0.02
vectors of distances                 normal, 1 / sqrt(K)
all matrices                         uniform, so that both ways keep variances in the middle
                                     (Glorot and Bengio 2010, equation 16)
biases; layer-norm bias              0
layer-norm gain                      1
===================================  =========================================================
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

__all__ = ["init_modern", "init_transformer", "init_transformer_decoder", "init_weights"]


def init_weights(model: nn.Module, *, n_layer: int, seed: int) -> None:
    """Fills all parameters of a GPT-2 by the table above, by name, from a generator of its own.

    The process's global random state is neither read nor changed. Parameters on the meta device
    are left alone.
    """

    def fill(path: list[str], parameter: Tensor, generator: torch.Generator) -> None:
        if path[-1] == "bias":
            parameter.zero_()
        elif parameter.ndim == 1:
            parameter.fill_(1.0)
        else:
            std = 0.01 if path[-2] == "wpe" else 0.02
            if path[-2] == "c_proj":
                std /= math.sqrt(2 * n_layer)
            parameter.normal_(std=std, generator=generator)

    _fill_all(model, fill, seed=seed)


def init_modern(model: nn.Module, *, seed: int) -> None:
    """Fills all parameters of a modern model; otherwise as :func:`init_weights`."""

    def fill(path: list[str], parameter: Tensor, generator: torch.Generator) -> None:
        if "c_proj" in path or path[0] == "lm_head":
            parameter.zero_()
        else:
            std = 0.02 if path[0] == "wte" else 1 / math.sqrt(parameter.shape[0])
            parameter.normal_(std=std, generator=generator)

    _fill_all(model, fill, seed=seed)


def init_transformer_decoder(model: nn.Module, *, n_layer: int, seed: int) -> None:
    """Fills all parameters of a Transformer-Decoder; otherwise as :func:`init_weights`."""

    def fill(path: list[str], parameter: Tensor, generator: torch.Generator) -> None:
        if path[-1] in ("bias", "null_k", "null_v"):
            parameter.zero_()
        elif parameter.ndim == 1:
            parameter.fill_(1.0)
        else:
            std = 0.02 if path[0] == "wte" else 1 / math.sqrt(parameter.shape[0])
            if path[-2] == "c_proj":
                std /= math.sqrt(2 * n_layer)
            parameter.normal_(std=std, generator=generator)

    _fill_all(model, fill, seed=seed)


def init_transformer(model: nn.Module, *, seed: int) -> None:
    """Fills all parameters of a Transformer, of music or not; otherwise as :func:`init_weights`."""

    def fill(path: list[str], parameter: Tensor, generator: torch.Generator) -> None:
        if path[-1] == "bias":
            parameter.zero_()
        elif parameter.ndim == 1:
            parameter.fill_(1.0)
        elif path[0] == "wte":
            parameter.normal_(std=0.02, generator=generator)
        elif path[-1] == "relative":
            parameter.normal_(std=1 / math.sqrt(parameter.shape[-1]), generator=generator)
        else:
            most = math.sqrt(6 / sum(parameter.shape))
            parameter.uniform_(-most, most, generator=generator)

    _fill_all(model, fill, seed=seed)


@torch.no_grad()
def _fill_all(
    model: nn.Module, fill: Callable[[list[str], Tensor, torch.Generator], None], *, seed: int
) -> None:
    """Calls ``fill`` with the path of every parameter, in order; one generator for all."""
    generator: torch.Generator | None = None
    for name, parameter in model.named_parameters():
        if parameter.is_meta:
            continue
        if generator is None:
            generator = torch.Generator(parameter.device).manual_seed(seed)
        fill(name.split("."), parameter, generator)
