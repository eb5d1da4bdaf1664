"""From a name or a path to files on this machine."""

import re
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from cutaway.errors import CheckpointNotFound, MissingExtra, nearest
from cutaway.models import PRESETS

__all__ = ["ModelInfo", "list_models", "resolve"]

_HUB = {
    "gpt2": "openai-community/gpt2",
    "gpt2-medium": "openai-community/gpt2-medium",
    "gpt2-large": "openai-community/gpt2-large",
    "gpt2-xl": "openai-community/gpt2-xl",
}
_HUB_FILES = (
    "config.json",
    "*.safetensors",
    "*.safetensors.index.json",
    "tokenizer.json",
    "vocab.json",
    "merges.txt",
)
_REPOSITORY = re.compile(r"[A-Za-z0-9][\w.-]{0,95}/[A-Za-z0-9][\w.-]{0,95}")


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A name that :func:`cutaway.load` knows.

    Attributes:
        name: to load it by.
        n_parameters: of the model.
        source: where it comes from.
        is_here: whether it can be loaded without network.
    """

    name: str
    n_parameters: int
    source: str
    is_here: bool


def resolve(source: str | Path) -> Path:
    """The directory or file that a name or path means.

    A path that exists wins; then the bundled model; then the official sizes and ``owner/name``,
    which the hub extra fetches, or finds in its cache when there is no network.

    Raises:
        CheckpointNotFound: if there is no such path or name, or it cannot be fetched.
        MissingExtra: for a name of the hub without ``cutaway[hub]``.
    """
    path = Path(source)
    if path.exists():
        return path
    name = str(source)
    if name in _bundled():
        return _bundled()[name]
    if name in _HUB:
        return _fetch(_HUB[name], name)
    if _REPOSITORY.fullmatch(name) and ".." not in name and "--" not in name:
        return _fetch(name, name)
    raise CheckpointNotFound(
        f"No model or path is called {name!r}.", nearest(name, [*_bundled(), *_HUB])
    )


def list_models() -> list[ModelInfo]:
    """The names that can be loaded: bundled models, and the official ones of the hub."""
    here = {name: ModelInfo(name, 0, "bundled", True) for name in _bundled()}
    official = {name: ModelInfo(name, 0, _HUB[name], False) for name in _HUB}
    return [
        ModelInfo(info.name, _n_parameters(info.name), info.source, info.is_here)
        for info in {**here, **official}.values()
    ]


def _n_parameters(name: str) -> int:
    config = PRESETS[name]
    D = config.n_embd
    return D * (config.vocab_size + config.n_ctx + config.n_layer * (12 * D + 13) + 2)


def _bundled() -> dict[str, Path]:
    """The models in the package, by name."""
    assets = Path(str(resources.files("cutaway"))) / "assets"
    return {path.parent.name: path.parent for path in assets.glob("*/config.json")}


def _fetch(repository: str, name: str) -> Path:
    try:
        from huggingface_hub import snapshot_download
        from huggingface_hub.errors import HfHubHTTPError, LocalEntryNotFoundError
    except ImportError:
        raise MissingExtra(
            f"{name!r} is a model of the Hugging Face hub, whose client is not installed.",
            f"pip install 'cutaway[hub]', or put the model in a directory: {_by_hand(repository)}",
        ) from None
    try:
        return Path(snapshot_download(repository, allow_patterns=list(_HUB_FILES)))
    except (LocalEntryNotFoundError, HfHubHTTPError, OSError, ValueError) as error:
        raise CheckpointNotFound(
            f"{repository} cannot be fetched from the Hugging Face hub "
            f"({type(error).__name__}), and is not in its cache.",
            f"Without network put the files in place by hand: {_by_hand(repository)}",
        ) from None


def _by_hand(repository: str) -> str:
    return (
        f"a directory DIR with config.json, model.safetensors, vocab.json and merges.txt of "
        f"{repository}; or OpenAI's own hparams.json, checkpoint, model.ckpt.index and "
        f"model.ckpt.data-00000-of-00001. Then load it by its path, DIR."
    )
