"""Writing a model in our layout, the Hugging Face one, so that no reader ever finds a half."""

import json
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.checkpoints.huggingface import config_to_json
from cutaway.checkpoints.names import our_table
from cutaway.checkpoints.ours import is_of_our_kinds, our_config_to_json
from cutaway.checkpoints.quantized_file import to_be_stored
from cutaway.checkpoints.raw import narrowed
from cutaway.checkpoints.safetensors_file import write_safetensors
from cutaway.checkpoints.stored import WEIGHT_KINDS, Stored
from cutaway.checkpoints.vocabulary import check_fit
from cutaway.errors import ConfigError
from cutaway.files import replace_together
from cutaway.models.config import gpt2_only
from cutaway.numbers import Array, Kind, Quantized, dtype_of, kind_of, to_array

if TYPE_CHECKING:
    import torch
    from torch import Tensor

    from cutaway.models import Decoder
    from cutaway.tokenizers import Tokenizer

__all__ = ["save_checkpoint", "write_huggingface"]


def save_checkpoint(
    directory: str | Path,
    model: "Decoder",
    tokenizer: "Tokenizer | None",
    *,
    dtype: "torch.dtype | None" = None,
    card: str | None = None,
) -> None:
    """Writes ``config.json``, ``model.safetensors``, ``tokenizer.json`` and ``README.md``.

    They take their places together when all are on the disk; a failure before that leaves what
    was there. Other files in the directory stay.

    Args:
        directory: made if it does not exist.
        model: to save.
        tokenizer: saved beside the model, unless None.
        dtype: to store the weights in; None as the model holds them.
        card: the text of ``README.md``, unless None.

    Raises:
        ConfigError: if ``dtype`` is none of float32, float16 and bfloat16.
        CorruptCheckpoint: if a weight is not finite, or does not fit into ``dtype``.
        KeyMismatch: if the tokenizer has more or fewer entries than the model.
        ResourceError: if the disk is full.
    """
    with replace_together(Path(directory)) as folder:
        write_huggingface(folder, model, tokenizer, dtype=dtype, card=card)


def write_huggingface(
    folder: Path,
    model: "Decoder",
    tokenizer: "Tokenizer | None",
    *,
    dtype: "torch.dtype | None" = None,
    card: str | None = None,
    codes: Mapping[str, Quantized] | None = None,
) -> None:
    """Writes the files of :func:`save_checkpoint` into a folder that nobody reads yet.

    ``codes`` are written in the place of the model's matrices, if there are any.
    """
    config, dtype = model.config, model.wte.weight.dtype if dtype is None else dtype
    if dtype not in map(dtype_of, WEIGHT_KINDS):
        raise ConfigError(f"{dtype} cannot be stored.", "Give dtype=torch.float32, or narrower.")
    kind = kind_of(dtype)
    eot = 50_256 if config.vocab_size == 50_257 else None
    if tokenizer is not None:
        check_fit(tokenizer, config.vocab_size, str(folder))
        eot = tokenizer.eot
        tokenizer.save(folder)
    bits = next(iter(codes.values())).bits if codes else None
    if is_of_our_kinds(config):
        fields = our_config_to_json(config, kind=kind, eot=eot)
    else:
        ours = gpt2_only(config, "The layout of transformers")
        fields = config_to_json(ours, kind=kind, eot=eot, bits=bits)
    (folder / "config.json").write_text(json.dumps(fields, indent=2) + "\n")
    with (folder / "model.safetensors").open("wb") as file:
        write_safetensors(file, _in_order(model, kind, codes or {}))
    if card is not None:
        (folder / "README.md").write_text(card)


def _in_order(model: "Decoder", kind: Kind, codes: Mapping[str, Quantized]) -> dict[str, Stored]:
    """The tensors of the file, each of the kind of number to write it as."""
    state, result = model.state_dict(), dict[str, Stored]()
    for row in our_table(model.config).expanded(model.config.n_layer):
        if row.ours in codes:
            result |= to_be_stored(row.ours, codes[row.ours])
        else:
            tensor = state[row.ours]
            read = partial(_narrowed, row.ours, tensor, kind)
            result[row.ours] = Stored(tuple(tensor.shape), kind, read)
    return result


def _narrowed(name: str, tensor: "Tensor", kind: Kind) -> Array:
    return narrowed(name, to_array(tensor), kind)
