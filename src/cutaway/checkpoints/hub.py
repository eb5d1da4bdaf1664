"""The Hugging Face hub, through its own library; an optional extra."""

import importlib
from pathlib import Path

from cutaway.errors import CheckpointNotFound, MissingExtra

__all__ = ["download"]

_FILES = [
    "config.json",
    "model.safetensors",
    "model.safetensors.index.json",
    "model-?????-of-?????.safetensors",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
]
_PICKLES = ["pytorch_model.bin", "pytorch_model.bin.index.json", "pytorch_model-*.bin"]


def download(repository: str, *, place: Path, allow_pickle: bool) -> Path:
    """The snapshot of a repository, from the hub's cache or fetched now: only the files needed.

    Args:
        repository: ``owner/name``.
        place: where the user may put the files by hand instead; for messages.
        allow_pickle: whether pickled weights are fetched too.

    Raises:
        MissingExtra: if ``huggingface_hub`` is not installed.
        CheckpointNotFound: if it cannot be had, with the files to put in place by hand.
    """
    by_hand = (
        f"Put config.json, model.safetensors, vocab.json and merges.txt of {repository} into"
        f" {place}/, or load the directory that holds them by its path."
    )
    try:
        hub = importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise MissingExtra(
            f"{repository} is not on this machine, and huggingface-hub is not installed.",
            f"pip install 'cutaway[hub]'. Without network: {by_hand}",
        ) from error
    patterns = _FILES + (_PICKLES if allow_pickle else [])
    try:
        return Path(hub.snapshot_download(repository, allow_patterns=patterns))
    except Exception as error:  # the library's, its HTTP client's, the system's
        raise CheckpointNotFound(
            f"{repository} cannot be fetched from the Hugging Face hub:"
            f" {type(error).__name__}: {str(error).splitlines()[0][:160] if str(error) else ''}",
            by_hand,
        ) from error
