"""Loading a checkpoint of any layout."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from cutaway.checkpoints.assemble import assemble
from cutaway.checkpoints.huggingface import CONFIG_FILE, read_huggingface
from cutaway.checkpoints.llmc import is_llmc, read_llmc
from cutaway.checkpoints.nanogpt import read_nanogpt
from cutaway.checkpoints.resolve import resolve
from cutaway.checkpoints.stored import Stored
from cutaway.errors import CheckpointNotFound, KeyMismatch, MissingWeights
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer

__all__ = ["Loaded", "load_checkpoint", "load_config"]

_TOKENIZER_FILES = ("tokenizer.json", "vocab.json", "encoder.json")
_GPT2_ENTRIES = 50_257
_GPT2_PADDED = 50_304


@dataclass(frozen=True, slots=True)
class Loaded:
    """A model in memory.

    Attributes:
        model: in evaluation mode.
        tokenizer: of the files beside the weights; GPT-2's own for its vocabulary; else None.
        name: as it was asked for.
        layout: of the files: ``huggingface``, ``tensorflow``, ``nanogpt`` or ``llmc``.
        fingerprint: SHA-256 over names, shapes and values of all parameters as loaded.
    """

    model: GPT2
    tokenizer: Tokenizer | None
    name: str
    layout: str
    fingerprint: str


def load_checkpoint(
    source: str | Path,
    *,
    dtype: torch.dtype | None = None,
    device: torch.device | str = "cpu",
    allow_pickle: bool = False,
) -> Loaded:
    """Loads a model by name or path, whatever project wrote it.

    Args:
        source: ``pocket``, ``gpt2`` ... ``gpt2-xl``, ``owner/name`` on the hub, a directory, or a
            file of nanoGPT (``.pt``) or llm.c (``.bin``).
        dtype: of the weights; None widens half precision to float32, which holds it exactly.
        device: to put the model on.
        allow_pickle: whether ``pytorch_model.bin`` may be read, by torch's restricted reader.

    Raises:
        CheckpointNotFound: if there is no such name or path.
        MissingWeights: if a directory lacks files.
        KeyMismatch: if tensors do not fit the configuration.
        CorruptCheckpoint: if a file is damaged or holds values that are not finite.
        UnsafeCheckpoint: if reading would run code or leave the directory.
        ResourceError: if the memory does not suffice.
    """
    stored = _read(resolve(source), allow_pickle=allow_pickle)
    tokenizer = _tokenizer(stored)
    model = assemble(stored, dtype=dtype, device=device)
    return Loaded(model, tokenizer, str(source), stored.layout, fingerprint(model))


def load_config(source: str | Path) -> GPT2Config:
    """The size of a model, from its headers alone; raises as :func:`load_checkpoint` does."""
    return _read(resolve(source), allow_pickle=False).config


def fingerprint(model: GPT2) -> str:
    """SHA-256 over names, shapes and values of all parameters, in the dtype they are in."""
    digest = hashlib.sha256()
    for name, p in model.named_parameters():
        digest.update(f"{name} {tuple(p.shape)} {p.dtype}\n".encode())
        digest.update(p.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def _read(path: Path, *, allow_pickle: bool) -> Stored:
    """Reads the headers of whatever layout is at ``path``."""
    if path.is_file():
        return read_llmc(path) if is_llmc(path) else _file(path)
    if (path / CONFIG_FILE).is_file():
        return read_huggingface(path, allow_pickle=allow_pickle)
    if (path / "hparams.json").is_file():
        from cutaway.checkpoints.tensorflow import read_tensorflow

        return read_tensorflow(path)
    if (path / "model" / CONFIG_FILE).is_file():  # a run of ours
        return read_huggingface(path / "model", allow_pickle=allow_pickle)
    if (path / "ckpt.pt").is_file():
        return read_nanogpt(path / "ckpt.pt")
    raise MissingWeights(
        f"{path} holds no model in a layout that is known.",
        "Expected config.json with model.safetensors (Hugging Face and ours), hparams.json "
        "(OpenAI), ckpt.pt (nanoGPT), or the path of an llm.c .bin file.",
    )


def _file(path: Path) -> Stored:
    readers: dict[str, Callable[[Path], Stored]] = {".pt": read_nanogpt, ".bin": read_llmc}
    if path.suffix in readers:
        return readers[path.suffix](path)
    if path.suffix == ".safetensors":
        raise CheckpointNotFound(
            f"{path} holds tensors, but not the size of the model.",
            f"Load its directory, with {CONFIG_FILE} in it.",
        )
    raise CheckpointNotFound(
        f"{path} is no model file that is known.", "Known: directories, .pt and .bin files."
    )


def _tokenizer(stored: Stored) -> Tokenizer | None:
    n_vocab = stored.config.vocab_size
    if any((stored.folder / file).is_file() for file in _TOKENIZER_FILES):
        tokenizer = Tokenizer.load(stored.folder)
        # Rows may be padding; a token without a row would have no embedding.
        if tokenizer.vocab_size > n_vocab:
            raise KeyMismatch(
                f"The vocabulary in {stored.folder} has {tokenizer.vocab_size:,} entries, "
                f"the model {n_vocab:,} rows.",
                "They belong to different models.",
            )
        return tokenizer
    return Tokenizer.gpt2() if n_vocab in (_GPT2_ENTRIES, _GPT2_PADDED) else None
