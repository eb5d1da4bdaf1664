"""A corpus to shards of tokens: read, told apart, encoded and written, all at the same time.

One thread tells the documents apart in their order: which split, seen before, in a finished shard
already. A pool of threads reads ahead of it and encodes behind it. Unpacking, digests and
encoding leave Python's lock, so that threads do; no text travels between processes.

Stopped at any moment, the same call goes on: it reads the sources again, which is cheap beside
encoding, sees by the digests that the finished shards were made of the same documents, and encodes
only what is in none.
"""

from collections import deque
from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path

from cutaway.data.digests import DigestSet
from cutaway.data.folder import clear_plan, open_folder
from cutaway.data.packing import Encoded, ShardPacker, encode_documents
from cutaway.data.reading import BLOCK_BYTES, Block, read_blocks
from cutaway.data.shards import (
    MANIFEST,
    SPLITS,
    Manifest,
    dtype_for,
    read_manifest,
    read_records,
    write_manifest,
)
from cutaway.data.sources import STDIN, Source, find_sources
from cutaway.errors import ConfigError, DataError
from cutaway.files import sha256_of
from cutaway.processor import processors
from cutaway.tokenizers import Tokenizer

__all__ = ["PrepareConfig", "prepare"]

_BATCH_BYTES = BLOCK_BYTES


@dataclass(frozen=True, slots=True, kw_only=True)
class PrepareConfig:
    """What decides the shards, beside the documents and the vocabulary.

    Attributes:
        val: the share of documents for validation, from 0 to below 1. A document's bytes and the
            seed decide where it goes, so it stays there however files are named or ordered.
        seed: of that choice.
        shard_tokens: tokens that fill a shard; up to two shards are held in memory.
        drop_duplicates: whether of equal documents only the first is kept.
        text_key: where the text is in a record of JSON, CSV or Parquet.
        format: of stdin and of files whose names do not say it.
        skip_bad: whether a record that cannot be taken is left out; it is an error otherwise.
    """

    val: float = 0.01
    seed: int = 0
    shard_tokens: int = 1 << 25
    drop_duplicates: bool = False
    text_key: str = "text"
    format: str | None = None
    skip_bad: bool = False

    def __post_init__(self) -> None:
        if not 0.0 <= self.val < 1.0:
            raise ConfigError(f"val is {self.val}.", "It must be at least 0 and below 1.")
        if self.shard_tokens < 1:
            raise ConfigError(f"shard_tokens is {self.shard_tokens}.", "Give 1 or more.")

    @property
    def plan(self) -> dict[str, object]:
        """What must be the same when the work goes on; the rest shows in the documents."""
        names = ("val", "seed", "shard_tokens", "drop_duplicates")
        return {name: getattr(self, name) for name in names}


def prepare(
    sources: Sequence[str | Path],
    out: str | Path,
    *,
    tokenizer: Tokenizer,
    config: PrepareConfig | None = None,
    workers: int | None = None,
) -> Manifest:
    """Makes a directory of token shards from text, JSON lines, CSV or Parquet.

    The same sources give the same bytes for any number of workers, and after any number of stops.

    Args:
        sources: files, directories, ``-`` for stdin; ``.gz``, ``.xz`` and ``.zst`` are unpacked.
        out: the directory; one that was begun goes on, one that is finished is left as it is.
        tokenizer: whose ids are written.
        config: what else decides the shards.
        workers: threads that read and encode; default: as many as this process has processors.

    Returns:
        The manifest of the finished directory.

    Raises:
        DataError: if a source cannot be read, has a bad record, has changed under the finished
            shards, or there is no document at all. What is finished stays.
        ConfigError: if the directory was begun with other options or another vocabulary.
        ResourceError: if the disk is full. What is finished stays.
        MissingExtra: if a library is needed for a source that is not installed.
    """
    config, folder = config or PrepareConfig(), Path(out)
    if workers is not None and workers < 1:
        raise ConfigError(f"workers is {workers}.", "Give 1 or more.")
    found = find_sources(sources, format=config.format)
    with open_folder(folder, {**config.plan, "tokenizer": tokenizer.fingerprint}, tokenizer):
        if (folder / MANIFEST).exists():
            return _finished(folder, found)
        with _pool(workers or processors()) as pool:
            return _Preparation(folder, found, tokenizer, config, pool).run()


@contextmanager
def _pool(workers: int) -> Generator[ThreadPoolExecutor]:
    """A pool that drops what has not begun when the block ends with an error."""
    pool = ThreadPoolExecutor(workers, thread_name_prefix="prepare")
    try:
        yield pool
    finally:
        pool.shutdown(cancel_futures=True)


def _finished(folder: Path, sources: Sequence[Source]) -> Manifest:
    manifest = read_manifest(folder)
    now = [(source.name, source.size) for source in sources]
    if [tuple(source) for source in manifest.sources] != now or (STDIN, None) in now:
        raise ConfigError(
            f"{folder} is prepared already, from other sources.", "Choose another --out."
        )
    clear_plan(folder, SPLITS)
    return manifest


@dataclass(slots=True)
class _Batch:
    documents: list[bytes] = field(default_factory=list[bytes])
    digests: list[bytes] = field(default_factory=list[bytes])
    n_bytes: int = 0


class _Preparation:
    """One call of :func:`prepare`: what was seen so far and what is on its way to the shards."""

    def __init__(
        self,
        folder: Path,
        sources: Sequence[Source],
        tokenizer: Tokenizer,
        config: PrepareConfig,
        pool: ThreadPoolExecutor,
    ) -> None:
        self.folder, self.sources, self.tokenizer = folder, sources, tokenizer
        self.config, self.pool = config, pool
        self.counts = {"documents": 0, "duplicates": 0, "empty": 0, "bad": 0}
        self.first_bad = ""
        self._seen = DigestSet()
        self._below = int(config.val * (1 << 64))
        self._packers = {split: self._packer(split) for split in SPLITS}
        self._batches = {split: _Batch() for split in SPLITS}
        self._encoding: deque[tuple[str, Future[Encoded]]] = deque()
        self._most = pool._max_workers + 2  # batches on their way at once

    def _packer(self, split: str) -> ShardPacker:
        n = self.config.shard_tokens
        # The last shard of an earlier try may not be full: it is made again.
        done = [r for r in read_records(self.folder, split) if r.n_tokens >= n]
        return ShardPacker(self.folder, split, shard_tokens=n, done=done)

    def run(self) -> Manifest:
        config = self.config
        blocks = read_blocks(
            self.sources, text_key=config.text_key, seed=config.seed, pool=self.pool
        )
        for block in blocks:
            self._refuse_bad(block)
            self.counts["empty"] += block.n_empty
            for document, digest in zip(block.documents, block.digests, strict=True):
                self._sort(document, digest)
        if not self.counts["documents"]:
            raise DataError("The sources hold no document.", "Check the files of the corpus.")
        for split in SPLITS:
            self._encode(split)
        self._collect(0)
        for packer in self._packers.values():
            packer.finish()
        return self._write_manifest()

    def _refuse_bad(self, block: Block) -> None:
        self.counts["bad"] += len(block.bad)
        if block.bad and not self.config.skip_bad:
            first = block.bad[0]
            raise DataError(
                f"{block.source}, {first.place}: {first.reason}.",
                "Put it right, or leave such records out with --skip-bad.",
            )

    def _sort(self, document: bytes, digest: bytes) -> None:
        """Counts a document and puts it on its way, unless that is not wanted or done."""
        self.counts["documents"] += 1
        if not self._seen.add(digest):
            self.counts["duplicates"] += 1
            if self.config.drop_duplicates:
                return
        split = "val" if int.from_bytes(digest[8:], "big") < self._below else "train"
        if self._packers[split].is_done(digest):
            return
        batch = self._batches[split]
        batch.documents.append(document)
        batch.digests.append(digest)
        batch.n_bytes += len(document)
        if batch.n_bytes >= _BATCH_BYTES:
            self._encode(split)

    def _encode(self, split: str) -> None:
        batch = self._batches[split]
        if batch.documents:
            encode = partial(encode_documents, tokenizer=self.tokenizer)
            future = self.pool.submit(encode, batch.documents, batch.digests)
            self._encoding.append((split, future))
            self._batches[split] = _Batch()
        self._collect(self._most)

    def _collect(self, n_left: int) -> None:
        """Takes encoded batches, in their order, until so many are left on their way."""
        while len(self._encoding) > n_left:
            split, future = self._encoding.popleft()
            self._packers[split].add(future.result())

    def _write_manifest(self) -> Manifest:
        manifest = Manifest(
            dtype=dtype_for(self.tokenizer.vocab_size),
            tokenizer=self.tokenizer.fingerprint,
            tokenizer_sha256=sha256_of(self.folder / "tokenizer.json"),
            vocab_size=self.tokenizer.vocab_size,
            options=asdict(self.config),
            sources=[(source.name, source.size) for source in self.sources],
            counts=self.counts,
            splits={split: packer.records for split, packer in self._packers.items()},
        )
        write_manifest(self.folder, manifest)
        with suppress(OSError):  # nothing is lost if they stay
            clear_plan(self.folder, SPLITS)
        return read_manifest(self.folder)
