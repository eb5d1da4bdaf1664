"""A prepared corpus on disk: shards of token ids, their document starts, a manifest.

A directory holds, for each split (``train``, ``val``), numbered from 00000::

    train-00000.bin   token ids, little-endian uint16 (uint32 from 65,537 entries on), no header;
                      whole documents, each closed by end-of-text
    train-00000.idx   where each document begins, in tokens from the shard's start: uint64
    tokenizer.json    the vocabulary
    manifest.json     everything that is known of the files, with their SHA-256; written last

While the work goes on there are ``plan.json``, by what options, and ``train-00000.json``, one for
each finished shard: what the manifest will say of it. docs/data.md has the rest.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import CorruptShard, DataError
from cutaway.files import atomic_write, sha256_of

__all__ = [
    "MANIFEST",
    "PLAN",
    "SPLITS",
    "Manifest",
    "ShardRecord",
    "dtype_for",
    "read_manifest",
    "read_records",
    "verify_shards",
    "write_json",
    "write_manifest",
    "write_shard",
]

MANIFEST, PLAN = "manifest.json", "plan.json"
SPLITS = ("train", "val")
VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class ShardRecord:
    """What is known of one shard.

    Attributes:
        name: of its files, without the ending.
        n_documents: whole documents in it.
        n_tokens: ids, end-of-text included.
        n_bytes: of the documents, end-of-text not counted.
        n_not_utf8: documents among them that are no UTF-8.
        sha256: of the ``.bin``.
        sha256_starts: of the ``.idx``.
        chain: digest over the digests of all documents of the split up to this shard's end.
    """

    name: str
    n_documents: int
    n_tokens: int
    n_bytes: int
    n_not_utf8: int
    sha256: str
    sha256_starts: str
    chain: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a prepared directory holds.

    Attributes:
        dtype: of the ids.
        tokenizer: fingerprint of the vocabulary.
        tokenizer_sha256: of ``tokenizer.json``.
        vocab_size: entries; every id is below.
        options: by which the corpus was prepared.
        sources: names and sizes of the files that were read.
        counts: ``documents`` read, ``duplicates`` and ``empty`` and ``bad`` ones among them.
        splits: the shards of each split.
    """

    dtype: str
    tokenizer: str
    tokenizer_sha256: str
    vocab_size: int
    options: Mapping[str, Any]
    sources: Sequence[Sequence[Any]]
    counts: Mapping[str, int]
    splits: Mapping[str, Sequence[ShardRecord]]

    def total(self, field: str, split: str | None = None) -> int:
        """The sum of one of the numbers of :class:`ShardRecord` over a split, or over all."""
        names = self.splits if split is None else [split]
        return sum(getattr(r, field) for name in names for r in self.splits.get(name, ()))


def dtype_for(vocab_size: int) -> str:
    """The narrowest type that holds every id."""
    return "uint16" if vocab_size <= 1 << 16 else "uint32"


def write_json(path: Path, value: object) -> None:
    """Writes a JSON file atomically, the same bytes for the same value."""
    with atomic_write(path) as file:
        file.write((json.dumps(value, indent=2) + "\n").encode())


def write_shard(
    folder: Path, tokens: Sequence[NDArray[Any]], starts: NDArray[Any], **known: Any
) -> ShardRecord:
    """Writes both files of a shard, then its record: without that there is no shard.

    Args:
        folder: the prepared directory.
        tokens: ids in a row, in the parts they came in, of the type they are stored in.
        starts: of the documents, ``(n_documents,)``.
        known: the fields of the record that do not follow from those.

    Raises:
        ResourceError: if the disk is full or refuses.
    """
    digest = hashlib.sha256()
    with atomic_write(folder / f"{known['name']}.bin") as file:
        for part in tokens:
            data = part.tobytes()
            digest.update(data)
            file.write(data)
    data = starts.astype("<u8").tobytes()
    with atomic_write(folder / f"{known['name']}.idx") as file:
        file.write(data)
    record = ShardRecord(
        n_documents=len(starts),
        n_tokens=sum(map(len, tokens)),
        sha256=digest.hexdigest(),
        sha256_starts=hashlib.sha256(data).hexdigest(),
        **known,
    )
    write_json(folder / f"{known['name']}.json", asdict(record))
    return record


def read_records(folder: Path, split: str) -> Iterator[ShardRecord]:
    """The records of finished shards while the work goes on; ends at the first gap or damage."""
    for number in range(1 << 30):
        path = folder / f"{split}-{number:05d}.json"
        try:
            record = ShardRecord(**json.loads(path.read_bytes()))
        except (FileNotFoundError, ValueError, TypeError):
            return
        if record.name != path.stem:
            return
        yield record


def write_manifest(folder: Path, manifest: Manifest) -> None:
    """Writes the manifest, which makes the directory a prepared one."""
    fields = {"format": "cutaway tokens", "version": VERSION, **asdict(manifest)}
    write_json(folder / MANIFEST, {**fields, "checksum": _checksum(fields)})


def _checksum(fields: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def read_manifest(folder: Path) -> Manifest:
    """Reads what a prepared directory holds.

    Raises:
        DataError: if it is none, or its preparation did not end.
        CorruptShard: if the manifest is damaged.
    """
    try:
        fields = json.loads((folder / MANIFEST).read_bytes())
        if fields.pop("checksum") != _checksum(fields):
            raise ValueError("its checksum is another")
        name, version = fields.pop("format"), fields.pop("version")
        if (name, version) != ("cutaway tokens", VERSION):
            raise DataError(
                f"{folder} is in version {version} of {name!r}.",
                "Prepare it again with this release.",
            )
        splits = {
            split: tuple(ShardRecord(**record) for record in records)
            for split, records in fields.pop("splits").items()
        }
        return Manifest(splits=splits, **fields)
    except (FileNotFoundError, NotADirectoryError):
        begun = (folder / PLAN).exists()
        raise DataError(
            f"{folder} is not prepared to its end."
            if begun
            else f"{folder} is no prepared corpus.",
            "Run the same `cutaway data prepare` again."
            if begun
            else "See `cutaway data prepare`.",
        ) from None
    except DataError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise CorruptShard(
            f"{folder / MANIFEST} is damaged: {error}.", "Prepare the corpus again."
        ) from None


def verify_shards(folder: Path, *, fast: bool = False) -> Manifest:
    """Compares every file with the manifest.

    Args:
        folder: a prepared directory.
        fast: compares sizes only, and reads no shard.

    Raises:
        DataError: if it is no prepared directory.
        CorruptShard: naming every file that is absent or not what was written.
    """
    manifest = read_manifest(folder)
    damaged = [
        f"{path.relative_to(folder).as_posix()} ({reason})"
        for path, size, sha256 in _files(folder, manifest)
        if (reason := _damage(path, size, sha256, fast=fast))
    ]
    if damaged:
        raise CorruptShard(
            f"{folder}: damaged {', '.join(damaged)}.",
            "Bring the files back from a copy, or prepare the corpus again.",
        )
    return manifest


def _files(folder: Path, manifest: Manifest) -> Iterator[tuple[Path, int | None, str]]:
    width = np.dtype(manifest.dtype).itemsize
    for record in (record for records in manifest.splits.values() for record in records):
        yield folder / f"{record.name}.bin", width * record.n_tokens, record.sha256
        yield folder / f"{record.name}.idx", 8 * record.n_documents, record.sha256_starts
    yield folder / "tokenizer.json", None, manifest.tokenizer_sha256


def _damage(path: Path, size: int | None, sha256: str, *, fast: bool) -> str:
    try:
        found = path.stat().st_size
        if size is not None and found != size:
            return f"{found:,} bytes, not {size:,}"
        return "" if fast or sha256_of(path) == sha256 else "another checksum"
    except FileNotFoundError:
        return "absent"
    except OSError as error:
        return str(error.strerror)
