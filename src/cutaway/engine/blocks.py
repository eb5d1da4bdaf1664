"""Which blocks of the cache belong to which text.

The cache is cut into blocks of 32 positions, as vLLM's is into pages (Kwon et al. 2023, section
4.1): a text has a table of blocks, texts with the same beginning share them, and a block is copied
when one of them writes where another reads.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from cutaway.errors import ContextLengthError, ResourceError

__all__ = ["BLOCK", "BlockPool", "Piece", "Text"]

BLOCK = 32  # positions; as in native/cache.h


class BlockPool:
    """All blocks, free ones and those in use, with the number of texts that use each.

    Args:
        n_blocks: of the cache.
        n_ctx: positions of the longest text.
        clear: sets a block to zeros.
        copy: copies a block to another.
    """

    def __init__(
        self,
        n_blocks: int,
        *,
        n_ctx: int,
        clear: Callable[[int], None],
        copy: Callable[[int, int], None],
    ) -> None:
        self.n_ctx = n_ctx
        self.n_blocks = n_blocks
        self._free = list(range(n_blocks - 1, -1, -1))
        self._users = [0] * n_blocks
        self._forgotten: deque[list[int]] = deque()
        self._clear, self._copy = clear, copy

    @property
    def n_free(self) -> int:
        """Blocks that no text uses."""
        while self._forgotten:
            self.release(self._forgotten.popleft())
        return len(self._free)

    def take(self) -> int:
        """A cleared block for one text.

        Raises:
            ResourceError: if there is none.
        """
        self.check_free(1)
        block = self._free.pop()
        self._users[block] = 1
        self._clear(block)
        return block

    def check_free(self, n_needed: int) -> None:
        """Whether so many blocks are free.

        Raises:
            ResourceError: if they are not.
        """
        if n_needed > self.n_free:
            raise ResourceError(
                f"{n_needed} more blocks of {BLOCK} tokens are needed; of the cache's "
                f"{self.n_blocks} are {self.n_free} free.",
                "Close texts that are done, or give the engine a larger cache.",
            )

    def share(self, blocks: Sequence[int]) -> None:
        """One more text uses these blocks."""
        for block in blocks:
            self._users[block] += 1

    def release(self, blocks: Sequence[int]) -> None:
        """One text uses these blocks no longer."""
        for block in reversed(blocks):
            self._users[block] -= 1
            if not self._users[block]:
                self._free.append(block)

    def forget(self, blocks: list[int]) -> None:
        """A text is gone that used these blocks.

        Python says so at any moment and in any thread, while others use the pool; so they are only
        put down here, and released when somebody asks for free ones.
        """
        self._forgotten.append(blocks)

    def owned(self, block: int) -> int:
        """This block if one text alone uses it, else a copy for that text."""
        if self._users[block] == 1:
            return block
        own = self.take()
        self._copy(block, own)
        self.release([block])  # it may be the last user by now
        return own

    def n_needed(self, text: "Text", n_new: int) -> int:
        """Blocks that ``n_new`` more tokens of a text will take."""
        more = -(-(text.length + n_new) // BLOCK) - len(text.blocks)
        shared = text.length % BLOCK and self._users[text.blocks[-1]] > 1
        return more + bool(shared)


class Text:
    """A text whose keys and values the engine holds.

    Closing it, or forgetting it, gives its blocks back.
    """

    def __init__(self, pool: BlockPool, blocks: Sequence[int] = (), length: int = 0) -> None:
        self._pool, self.blocks, self.length = pool, list(blocks), length

    def fork(self) -> "Text":
        """Another text that begins with all of this one; nothing is copied before one writes."""
        self._pool.share(self.blocks)
        return Text(self._pool, self.blocks, self.length)

    def truncate(self, length: int) -> None:
        """Forgets the tokens from position ``length`` on.

        Raises:
            ValueError: if the text is shorter.
        """
        if not 0 <= length <= self.length:
            raise ValueError(f"cannot truncate a text of {self.length} tokens to {length}")
        n_kept = -(-length // BLOCK)
        self._pool.release(self.blocks[n_kept:])
        del self.blocks[n_kept:]
        self.length = length

    def check_fits(self, n_new: int) -> None:
        """Whether the model has positions for more tokens.

        Raises:
            ContextLengthError: if it does not.
        """
        total = self.length + n_new
        if total > self._pool.n_ctx:
            raise ContextLengthError(
                f"{total} tokens, but this model has {self._pool.n_ctx} positions.",
                "Shorten the text, or let generation slide its window.",
            )

    def reserve(self, n_new: int) -> None:
        """Makes room for more tokens: blocks of its own from the first new position on.

        Raises:
            ResourceError: if the cache is full.
        """
        if self.length % BLOCK:
            self.blocks[-1] = self._pool.owned(self.blocks[-1])
        while len(self.blocks) * BLOCK < self.length + n_new:
            self.blocks.append(self._pool.take())

    def close(self) -> None:
        """Gives the blocks back; the text is empty then."""
        self._pool.release(self.blocks)
        self.blocks, self.length = [], 0

    def __del__(self) -> None:
        if getattr(self, "blocks", None):
            self._pool.forget(self.blocks)


@dataclass(frozen=True, slots=True)
class Piece:
    """Tokens to read behind what a text holds.

    Attributes:
        text: that they go on.
        ids: at least one.
        n_wanted: logits are wanted behind the last so many of them.
    """

    text: Text
    ids: Sequence[int]
    n_wanted: int = 1
