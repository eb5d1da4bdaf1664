"""Prepared directories as the corpus of a run."""

import json
import logging
from dataclasses import dataclass
from pathlib import Path

from cutaway.data import Deal, Manifest, Mixture, Windows, open_shards, read_manifest
from cutaway.data.shards import MANIFEST, write_json
from cutaway.errors import ConfigError, DataError
from cutaway.files import sha256_of
from cutaway.tokenizers import Tokenizer
from cutaway.training.recipe import Prepared, Recipe

__all__ = ["PreparedCorpus", "open_mixture"]

logger = logging.getLogger("cutaway.training")


@dataclass(frozen=True, slots=True)
class PreparedCorpus:
    """Windows of prepared directories.

    Attributes:
        train: of their training splits, by weight.
        valid: of their validation splits, which count by their sizes; None where there is too
            little of it for two windows.
        bytes_per_token: of the validation splits.
    """

    train: Deal
    valid: Deal | None
    bytes_per_token: float


def open_mixture(recipe: Recipe, tokenizer: Tokenizer, *, data: Path, out: Path) -> PreparedCorpus:
    """Opens the directories that ``data.prepared`` names.

    Args:
        recipe: of the run.
        tokenizer: of the run; the shards must be made with the same.
        data: the folder that the recipe's paths are relative to.
        out: the run's own directory, where is noted what the corpus was.

    Raises:
        ConfigError: if a directory was made with another tokenizer.
        DataError: if one is not prepared, too small, or not the one that the run began with.
        CorruptShard: if a file is absent or of another size; the checksums are compared by
            ``cutaway data verify``.
    """
    named = recipe.data.prepared
    manifests = {part.folder: _manifest(data / part.folder, tokenizer) for part in named}
    digests = {folder: sha256_of(data / folder / MANIFEST) for folder in manifests}
    _check_unchanged(out / "prepared.json", digests)
    length, seed = recipe.model.n_ctx + 1, recipe.seed
    parts = [_windows(part, data, length=length, seed=seed) for part in named]
    train = Mixture(parts, [part.weight for part in named], seed=seed)
    rows = open_shards(*(data / folder for folder in manifests), split="val")
    enough = len(rows) > 2 * recipe.model.n_ctx
    if not enough:
        logger.info("no validation: %s tokens of it are too few", f"{len(rows):,}")
    n_bytes = sum(manifest.total("n_bytes", "val") for manifest in manifests.values())
    valid = Windows(rows, length=length, seed=seed) if enough else None
    return PreparedCorpus(train, valid, n_bytes / max(1, len(rows)))


def _manifest(folder: Path, tokenizer: Tokenizer) -> Manifest:
    manifest = read_manifest(folder)
    if manifest.tokenizer != tokenizer.fingerprint:
        raise ConfigError(
            f"{folder} was prepared with another vocabulary, {manifest.tokenizer[:12]}, "
            f"not {tokenizer.fingerprint[:12]}.",
            "Prepare it again with the tokenizer of the run.",
        )
    return manifest


def _windows(part: Prepared, data: Path, *, length: int, seed: int) -> Windows:
    rows = open_shards(data / part.folder)
    logger.info("%s: %s tokens", part.folder, f"{len(rows):,}")
    try:
        return Windows(rows, length=length, seed=seed)
    except DataError as error:
        raise DataError(f"{data / part.folder}: {error.what}", error.hint) from None


def _check_unchanged(note: Path, now: dict[str, str]) -> None:
    """Compares the manifests with those that the run began with."""
    if note.exists():
        begun = json.loads(note.read_bytes())
        changed = [folder for folder in now if begun.get(folder) != now[folder]]
        if changed:
            raise DataError(
                f"{changed[0]} is not the corpus that this run began with.",
                "Bring that one back, or choose another --out.",
            )
        return
    write_json(note, now)
