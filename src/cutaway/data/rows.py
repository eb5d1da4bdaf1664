"""Token files of three projects as one long row of ids."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from cutaway.data.shards import MANIFEST, verify_shards
from cutaway.errors import ConfigError, CorruptShard, DataError

__all__ = ["Layout", "TokenRow", "TokenShards", "open_shards"]

Layout = Literal["cutaway", "llmc", "nanogpt"]

# llm.c, dev/data/data_common.py, write_datafile: 256 int32, of which three say something.
_LLMC_MAGIC, _LLMC_VERSION, _LLMC_HEADER = 20240520, 1, 1024
_LLMC_OTHERS = {20240326: "weights", 20240328: "a tokenizer", 20240801: "tokens of Llama 3"}
_SCAN = 1 << 22  # ids looked at together


class TokenRow(Protocol):
    """What windows are cut from: an array, or shards that look like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, at: slice, /) -> NDArray[Any]: ...


@dataclass(frozen=True, slots=True)
class _Shard:
    path: Path
    tokens: NDArray[Any]
    starts: NDArray[np.uint64] | None


class TokenShards:
    """Several files of ids, memory-mapped and read-only, as one row; slices cross their borders.

    Args:
        shards: ids of each file, and where documents begin in it if that was written down.
        eot: closes a document where nothing was written down; None if that is not known either.
    """

    def __init__(self, shards: Sequence[_Shard], *, eot: int | None = None) -> None:
        self._shards, self._eot = [shard for shard in shards if len(shard.tokens)], eot
        self._bounds = np.cumsum([0, *(len(shard.tokens) for shard in self._shards)])

    def __len__(self) -> int:
        return int(self._bounds[-1])

    def __getitem__(self, at: slice) -> NDArray[Any]:
        """The ids of a slice without steps; a copy only where it crosses a border."""
        start, stop, step = at.indices(len(self))
        if step != 1:
            raise ConfigError(f"A slice with step {step}.", "Take neighbours, then every n-th.")
        parts = [shard.tokens[a:b] for shard, a, b, _ in self._pieces(start, stop)]
        if len(parts) == 1:
            return parts[0]
        return np.concatenate(parts) if parts else np.zeros(0, np.uint16)

    def _pieces(self, start: int, stop: int) -> list[tuple[_Shard, int, int, int]]:
        """The shards under a slice: from where to where in each, and the shard's own place."""
        first = int(np.searchsorted(self._bounds, start, side="right")) - 1
        pieces: list[tuple[_Shard, int, int, int]] = []
        for shard, bound in zip(self._shards[first:], self._bounds[first:-1], strict=True):
            if bound >= stop:
                break
            low, high = max(start - int(bound), 0), min(stop - int(bound), len(shard.tokens))
            if low < high:
                pieces.append((shard, low, high, int(bound)))
        return pieces

    def document_starts(self, start: int, stop: int) -> NDArray[np.int64]:
        """Where documents begin, of the places from ``start`` to before ``stop``.

        Raises:
            ConfigError: if the files do not say it and no end-of-text is known.
        """
        found = [np.zeros(0, np.int64)]
        for shard, low, high, bound in self._pieces(start, min(stop, len(self))):
            if shard.starts is not None:
                a, b = np.searchsorted(shard.starts, [low, high])
                found.append(shard.starts[a:b].astype(np.int64) + bound)
                continue
            if self._eot is None:
                raise ConfigError(
                    f"{shard.path} does not say where documents begin.", "Give the id of eot."
                )
            # A document begins behind an end-of-text, and llm.c puts one before every document.
            before = shard.tokens[max(low - 1, 0) : high - 1] == self._eot
            places = np.flatnonzero(before) + max(low, 1)
            found.append((np.concatenate([[0], places]) if low == 0 else places) + bound)
        return np.concatenate(found)

    def check_ids(self, vocab_size: int) -> None:
        """Looks at every id once.

        Raises:
            DataError: if one is no entry of the vocabulary, naming the file and the place.
        """
        for shard in self._shards:
            for start in range(0, len(shard.tokens), _SCAN):
                part = shard.tokens[start : start + _SCAN]
                if int(part.max()) >= vocab_size:
                    at = int(np.argmax(part >= vocab_size))
                    raise DataError(
                        f"{shard.path} has the id {int(part[at])} at token {start + at}, "
                        f"the vocabulary {vocab_size} entries.",
                        "It is made with another vocabulary, or damaged.",
                    )


def open_shards(
    *paths: str | Path,
    split: str = "train",
    layout: Layout | None = None,
    vocab_size: int | None = None,
    eot: int | None = None,
    verify: bool = False,
) -> TokenShards:
    """Opens token files: a prepared directory, llm.c's ``.bin``, nanoGPT's ``.bin``.

    Args:
        paths: prepared directories, or files of the other two; in their order.
        split: ``train`` or ``val`` of prepared directories.
        layout: whose files they are; default: told by what they begin with. A file without any
            header is nanoGPT's.
        vocab_size: if given, every id of files without a checksum is compared with it.
        eot: the id of end-of-text, to know documents in files that do not say where they begin.
        verify: whether to compare checksums, which reads prepared shards once.

    Raises:
        DataError: if a file is absent, another kind of file, of an odd size, or has ids that the
            vocabulary has not.
        CorruptShard: if a prepared shard is not what was written.
    """
    shards: list[_Shard] = []
    foreign: list[_Shard] = []
    for path in map(Path, paths):
        if layout in (None, "cutaway") and (path.is_dir() or layout == "cutaway"):
            shards += _prepared(path, split, verify=verify)
        else:
            foreign.append(_file(path, layout))
            shards.append(foreign[-1])
    if vocab_size is not None:
        TokenShards(foreign).check_ids(vocab_size)
    return TokenShards(shards, eot=eot)


def _prepared(folder: Path, split: str, *, verify: bool) -> list[_Shard]:
    manifest = verify_shards(folder, fast=not verify)
    dtype = np.dtype(manifest.dtype).newbyteorder("<")
    if split not in manifest.splits:
        raise DataError(
            f"{folder / MANIFEST} has no split {split!r}.", f"Known: {', '.join(manifest.splits)}."
        )
    found: list[_Shard] = []
    for record in manifest.splits[split]:
        path = folder / f"{record.name}.bin"
        try:
            tokens = np.memmap(path, dtype, mode="r")
            starts = np.memmap(path.with_suffix(".idx"), np.dtype("<u8"), mode="r")
        except (OSError, ValueError) as error:
            raise CorruptShard(f"{path} cannot be read: {error}.", "See to the disk.") from None
        found.append(_Shard(path, tokens, starts))
    return found


def _file(path: Path, layout: Layout | None) -> _Shard:
    try:
        with path.open("rb") as file:
            header = np.frombuffer(file.read(12), "<i4", count=3) if layout != "nanogpt" else None
        size = path.stat().st_size
    except ValueError:  # shorter than three numbers
        header, size = None, path.stat().st_size
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.", "Check the path.") from None
    magic = None if header is None else int(header[0])
    if magic in _LLMC_OTHERS:
        raise DataError(f"{path} holds {_LLMC_OTHERS[magic]}.", "Name files of GPT-2's tokens.")
    if header is not None and magic == _LLMC_MAGIC:
        return _Shard(path, _llmc(path, header, size), None)
    if layout == "llmc":
        raise DataError(
            f"{path} begins with {magic}, not {_LLMC_MAGIC}.", "It is no token file of llm.c."
        )
    if size % 2:
        raise DataError(f"{path} has {size:,} bytes, an odd number.", "It is cut or no tokens.")
    return _Shard(path, _mapped(path, 0), None)


def _llmc(path: Path, header: NDArray[Any], size: int) -> NDArray[Any]:
    version, n_tokens = int(header[1]), int(header[2])
    if version != _LLMC_VERSION:
        raise DataError(f"{path} is in version {version} of llm.c's tokens.", "Known: 1.")
    if n_tokens < 0 or size != _LLMC_HEADER + 2 * n_tokens:
        raise DataError(
            f"{path} has {size:,} bytes and says {n_tokens:,} tokens, which are "
            f"{_LLMC_HEADER + 2 * n_tokens:,}.",
            "It is cut or damaged.",
        )
    return _mapped(path, _LLMC_HEADER)


def _mapped(path: Path, offset: int) -> NDArray[Any]:
    if path.stat().st_size <= offset:  # nothing cannot be mapped
        return np.zeros(0, "<u2")
    return np.memmap(path, np.dtype("<u2"), mode="r", offset=offset)
