"""Reading many files at once, in an order that does not depend on how many threads do it.

Up to ``LANES`` files are open at a time. They are asked in turn for a block of about a megabyte,
and where one ends the next file takes its place. So files are unpacked side by side, memory holds
a block or two of each, and the order of the documents follows from the files alone.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field

from cutaway.data.digests import digest_of
from cutaway.data.formats import BadRecord
from cutaway.data.sources import Source, read_source

__all__ = ["BLOCK_BYTES", "LANES", "Block", "read_blocks"]

LANES = 8
BLOCK_BYTES = 1 << 20


@dataclass(slots=True)
class Block:
    """Some neighbouring records of one source: its documents, with digests, and the others."""

    source: str
    documents: list[bytes] = field(default_factory=list[bytes])
    digests: list[bytes] = field(default_factory=list[bytes])
    bad: list[BadRecord] = field(default_factory=list[BadRecord])
    n_empty: int = 0
    n_bytes: int = 0


_Lane = tuple[Iterator[Block], "Future[Block | None]"]


def read_blocks(
    sources: Sequence[Source], *, text_key: str, seed: int, pool: Executor
) -> Iterator[Block]:
    """All records of all sources, read by the pool ahead of whoever asks.

    Raises:
        DataError: if a source cannot be read, in its turn.
    """
    waiting = deque(sources)
    lanes: deque[_Lane] = deque()

    def ahead(lane: Iterator[Block]) -> _Lane:
        return lane, pool.submit(next, lane, None)

    while waiting or lanes:
        while waiting and len(lanes) < LANES:
            lanes.append(ahead(_blocks_of(waiting.popleft(), text_key=text_key, seed=seed)))
        lane, future = lanes.popleft()
        block = future.result()
        if block is not None:
            lanes.append(ahead(lane))
            yield block


def _blocks_of(source: Source, *, text_key: str, seed: int) -> Iterator[Block]:
    block = Block(source.name)
    for record in read_source(source, text_key=text_key):
        if isinstance(record, BadRecord):
            block.bad.append(record)
        elif not record or record.isspace():
            block.n_empty += 1
        else:
            block.documents.append(record)
            block.digests.append(digest_of(record, seed=seed))
            block.n_bytes += len(record)
        if block.n_bytes >= BLOCK_BYTES or len(block.bad) >= 1000:
            yield block
            block = Block(source.name)
    yield block
