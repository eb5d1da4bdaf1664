"""Other projects' models around our tensors, to measure and to test against."""

from typing import Any

import torch
from transformers import GPT2Config as TheirConfig
from transformers import GPT2LMHeadModel

from cutaway.models import GPT2

__all__ = ["transformers_gpt2"]


def transformers_gpt2(model: GPT2, **settings: Any) -> GPT2LMHeadModel:
    """The model of transformers with the tensors of ``model``, without a copy of any.

    Args:
        model: whose tensors both then hold.
        **settings: further ones of their configuration; end-of-text is none unless given.
    """
    config = model.config
    with torch.device("meta"):
        theirs = GPT2LMHeadModel(
            TheirConfig(
                vocab_size=config.vocab_size,
                n_positions=config.n_ctx,
                n_embd=config.n_embd,
                n_layer=config.n_layer,
                n_head=config.n_head,
                layer_norm_epsilon=config.layer_norm_epsilon,
                **{"bos_token_id": None, "eos_token_id": None, **settings},
            )
        )
    state = {f"transformer.{name}": tensor for name, tensor in model.state_dict().items()}
    theirs.load_state_dict({**state, "lm_head.weight": model.wte.weight}, assign=True)
    return theirs.eval()
