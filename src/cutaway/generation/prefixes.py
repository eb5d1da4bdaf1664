"""What the engine has read lately, found again by the ids that a text begins with.

A tree: each node is a block of ids behind those of its parent, and holds a text of the engine of
all of them. Nodes share the engine's blocks, so each costs one block at most; only whole blocks
are kept, so that nobody writes where another reads. The node that was used longest ago goes first,
and never before those behind it.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cutaway.engine import Text
from cutaway.engine.blocks import BLOCK

__all__ = ["Prefixes", "n_common"]


def n_common(one: Sequence[int], other: Sequence[int]) -> int:
    """How many ids two texts begin with alike."""
    n = 0
    for a, b in zip(one, other, strict=False):
        if a != b:
            break
        n += 1
    return n


@dataclass(slots=True, eq=False)
class _Node:
    """A block of ids behind those of the parent."""

    parent: "_Node | None" = None
    ids: tuple[int, ...] = ()
    text: Text | None = None
    children: "dict[tuple[int, ...], _Node]" = field(default_factory=dict)


class Prefixes:
    """The beginnings of texts that are being written or were lately.

    Args:
        max_blocks: that are kept; 0 for none.
    """

    def __init__(self, max_blocks: int) -> None:
        self.max_blocks = max_blocks
        self._root = _Node()
        self._by_use: OrderedDict[_Node, None] = OrderedDict()  # the one used longest ago first

    def __len__(self) -> int:
        return len(self._by_use)

    def fork_longest(self, ids: Sequence[int], *, longer_than: int) -> Text | None:
        """A text that holds as many of the first ids as are known, in whole blocks.

        Args:
            ids: that are wanted.
            longer_than: how many of them at most are of no use.
        """
        path = list(self._path(ids))
        if len(path) * BLOCK <= longer_than:
            return None
        self._touch(path[-1])
        text = path[-1].text
        return None if text is None else text.fork()

    def add(self, ids: Sequence[int], text: Text) -> None:
        """Keeps all whole blocks of ids that a text holds."""
        node = self._root
        for end in range(BLOCK, min(len(ids), text.length) + 1, BLOCK):
            key = tuple(ids[end - BLOCK : end])
            if key not in node.children:
                known = text.fork()
                known.truncate(end)
                node.children[key] = _Node(node, key, known)
            node = node.children[key]
        self._touch(node)
        while len(self) > self.max_blocks:
            self.forget_one()

    def forget_one(self) -> bool:
        """Gives up the block that was used longest ago; False if there is none."""
        if not self._by_use:
            return False
        node, _ = self._by_use.popitem(last=False)
        assert node.parent is not None
        assert node.text is not None
        del node.parent.children[node.ids]
        node.text.close()
        return True

    def _path(self, ids: Sequence[int]) -> Iterator[_Node]:
        node = self._root
        for start in range(0, len(ids) - BLOCK + 1, BLOCK):
            found = node.children.get(tuple(ids[start : start + BLOCK]))
            if found is None:
                return
            yield found
            node = found

    def _touch(self, node: _Node) -> None:
        """Says that a node was used: first it, then each that it stands behind."""
        while node.parent is not None:
            self._by_use[node] = None
            self._by_use.move_to_end(node)
            node = node.parent
