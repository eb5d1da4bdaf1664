"""OpenAI's own files, as published in 2019, and what gpt-2-simple saves while fine-tuning them."""

import re
from pathlib import PurePosixPath

from cutaway.checkpoints.folder import Folder, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import OPENAI
from cutaway.checkpoints.stored import accounted, check_size
from cutaway.checkpoints.tensor_bundle import open_bundle
from cutaway.errors import ConfigError, CorruptCheckpoint, MissingWeights
from cutaway.models import GPT2Config

__all__ = ["find_openai", "read_hparams"]

_FIELDS = {
    "n_vocab": "vocab_size",
    "n_ctx": "n_ctx",
    "n_embd": "n_embd",
    "n_layer": "n_layer",
    "n_head": "n_head",
}
# What an optimizer keeps beside a variable bears the variable's name.
_SLOT = re.compile(r"model/.+/(Adam|Adam_1|Momentum|Adafactor\w*|Adagrad|RMSProp|RMSProp_1)")
_PATH = re.compile(r'^model_checkpoint_path:\s*"([^"\n]{1,4096})"', re.MULTILINE)


def find_openai(folder: Folder) -> Found:
    """The checkpoint in a directory with ``hparams.json``; no tensor is read."""
    config = read_hparams(folder)
    prefix = _prefix(folder)
    tensors = open_bundle(folder, prefix)
    model = {
        name: tensor
        for name, tensor in tensors.items()
        if name.startswith("model/") and not _SLOT.fullmatch(name)
    }
    where = str(folder.path)
    n_bytes = sum(path.stat().st_size for path in folder.path.glob(f"{prefix}.data-*"))
    check_size(config, model.values(), where, n_bytes=n_bytes)
    return Found("openai", config, accounted(OPENAI, config, model, where), folder)


def read_hparams(folder: Folder) -> GPT2Config:
    """The size that ``hparams.json`` states.

    Raises:
        CorruptCheckpoint: if a size is missing, impossible, or not one of GPT-2's.
    """
    fields, where = folder.json("hparams.json"), folder.path / "hparams.json"
    if fields.keys() != _FIELDS.keys():
        odd = ", ".join(sorted(fields.keys() ^ _FIELDS.keys()))[:200]
        raise CorruptCheckpoint(
            f"{where} has, or lacks, {odd}.", f"GPT-2's has {', '.join(_FIELDS)}."
        )
    try:
        return GPT2Config.from_dict({_FIELDS[key]: value for key, value in fields.items()})
    except ConfigError as error:
        raise CorruptCheckpoint(f"{where}: {shown(error.what, limit=200)}", error.hint) from error


def _prefix(folder: Folder) -> str:
    """The name that the files of the bundle share: by ``checkpoint``, or of the only one."""
    if folder.has("checkpoint"):
        path = folder.file("checkpoint")
        with path.open("rb") as file:
            text = file.read(1 << 16).decode("utf-8", "replace")
        newest = _PATH.search(text)
        if newest is None:
            raise CorruptCheckpoint(
                f"{path} does not name a checkpoint.", "Remove it if there is only one here."
            )
        return PurePosixPath(newest[1]).name  # often the path on another machine
    found = sorted(path.stem for path in folder.path.glob("*.index"))
    if len(found) != 1:
        raise MissingWeights(
            f"{folder.path} holds {len(found)} TensorFlow checkpoints (*.index).",
            "Expected hparams.json, model.ckpt.index and model.ckpt.data-00000-of-00001; where"
            " there are several, a file named checkpoint says which.",
        )
    return found[0]
