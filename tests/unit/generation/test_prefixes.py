"""Known beginnings: found in whole blocks, the one used longest ago forgotten first."""

from collections.abc import Sequence

import pytest

from cutaway.engine import Text
from cutaway.engine.blocks import BLOCK, BlockPool
from cutaway.generation.prefixes import Prefixes


@pytest.fixture
def pool() -> BlockPool:
    return BlockPool(40, n_ctx=8 * BLOCK, clear=lambda block: None, copy=lambda old, new: None)


def held(pool: BlockPool, n: int) -> Text:
    text = Text(pool)
    text.reserve(n)
    text.length = n
    return text


def ids(*blocks: int, n: int | None = None) -> list[int]:
    return [block for block in blocks for _ in range(BLOCK)][:n]


def n_known(known: Prefixes, wanted: Sequence[int]) -> int:
    text = known.fork_longest(wanted, longer_than=0)
    return 0 if text is None else text.length


def test_the_longest_is_found_in_whole_blocks(pool: BlockPool) -> None:
    known = Prefixes(10)
    text = held(pool, 2 * BLOCK + 5)
    known.add(ids(1, 2, 3, n=text.length), text)
    assert len(known) == 2
    for wanted, n in [
        (ids(1, 2, 3), 2),
        (ids(1, 2), 2),
        (ids(1, 2)[:-1], 1),
        (ids(1, 9), 1),
        (ids(2, 1), 0),
        (ids(1)[:-1], 0),
    ]:
        assert n_known(known, wanted) == n * BLOCK
    fork = known.fork_longest(ids(1, 2), longer_than=BLOCK)
    assert fork is not None
    assert fork.blocks == text.blocks[:2]
    assert known.fork_longest(ids(1, 2), longer_than=2 * BLOCK) is None


def test_blocks_are_shared_and_given_back(pool: BlockPool) -> None:
    known = Prefixes(10)
    text = held(pool, 3 * BLOCK)
    known.add(ids(1, 2, 3), text)
    known.add(ids(1, 2, 3), text)
    assert pool.n_free == 40 - 3
    text.close()
    assert pool.n_free == 40 - 3
    assert [known.forget_one() for _ in range(4)] == [True, True, True, False]
    assert pool.n_free == 40


def test_the_one_used_longest_ago_is_forgotten_first_and_leaves_before_stems(
    pool: BlockPool,
) -> None:
    known = Prefixes(5)
    for blocks in ([1, 2, 3], [1, 4]):
        known.add(ids(*blocks), held(pool, len(blocks) * BLOCK))
    assert n_known(known, ids(1, 2, 3)) == 3 * BLOCK  # now [1, 4] is the oldest
    known.add(ids(5, 6), held(pool, 2 * BLOCK))
    assert len(known) == 5
    assert n_known(known, ids(1, 4)) == BLOCK
    assert n_known(known, ids(1, 2, 3)) == 3 * BLOCK
    assert n_known(known, ids(5, 6)) == 2 * BLOCK
    known.forget_one()
    known.forget_one()
    assert n_known(known, ids(1, 2, 3)) in (BLOCK, 3 * BLOCK)
    while len(known) > 1:
        known.forget_one()
    assert {n_known(known, ids(1)), n_known(known, ids(5))} == {0, BLOCK}


@pytest.mark.parametrize("max_blocks", [0, 1, 2])
def test_no_more_are_kept_than_there_is_room_for(pool: BlockPool, max_blocks: int) -> None:
    known = Prefixes(max_blocks)
    text = held(pool, 4 * BLOCK)
    known.add(ids(1, 2, 3, 4), text)
    assert len(known) == max_blocks
    assert n_known(known, ids(1, 2, 3, 4)) == max_blocks * BLOCK
    text.close()
    assert pool.n_free == 40 - max_blocks
