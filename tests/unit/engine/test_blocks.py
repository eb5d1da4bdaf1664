"""Blocks belong to texts, are shared, and come back."""

import random

import pytest

from cutaway.engine.blocks import BLOCK, BlockPool, Text
from cutaway.errors import ResourceError


class Cells:
    """What the blocks hold, written as the engine does: a token at a position."""

    def __init__(self, n_blocks: int) -> None:
        self.cells = [[-1] * BLOCK for _ in range(n_blocks)]
        self.pool = BlockPool(n_blocks, n_ctx=300, clear=self.clear, copy=self.copy)

    def clear(self, block: int) -> None:
        self.cells[block] = [0] * BLOCK

    def copy(self, source: int, target: int) -> None:
        self.cells[target] = list(self.cells[source])

    def write(self, text: Text, tokens: list[int]) -> None:
        text.reserve(len(tokens))
        for token in tokens:
            self.cells[text.blocks[text.length // BLOCK]][text.length % BLOCK] = token
            text.length += 1

    def read(self, text: Text) -> list[int]:
        return [self.cells[text.blocks[i // BLOCK]][i % BLOCK] for i in range(text.length)]


@pytest.mark.parametrize("seed", range(8))
def test_texts_hold_what_was_written_whatever_others_do(seed: int) -> None:
    choose, cells = random.Random(seed), Cells(60)
    texts: list[tuple[Text, list[int]]] = []
    for step in range(400):
        kind = choose.choice(["new", "write", "write", "fork", "truncate", "close"])
        if kind == "new" or not texts:
            texts.append((Text(cells.pool), []))
            continue
        at = choose.randrange(len(texts))
        text, held = texts[at]
        if kind == "write":
            tokens = [1000 * step + i for i in range(1, choose.randrange(2, 50))]
            needed = cells.pool.n_needed(text, len(tokens))
            if len(held) + len(tokens) <= 300 and needed <= cells.pool.n_free:
                before = cells.pool.n_free
                cells.write(text, tokens)
                assert before - cells.pool.n_free == needed
                held += tokens
        elif kind == "fork":
            texts.append((text.fork(), list(held)))
        elif kind == "truncate":
            n = choose.randrange(len(held) + 1)
            text.truncate(n)
            del held[n:]
        else:
            text.close()
            del texts[at]
        for text, held in texts:
            assert cells.read(text) == held
    for text, _ in texts:
        text.close()
    assert cells.pool.n_free == 60


def test_a_fork_costs_nothing_until_it_writes() -> None:
    cells = Cells(4)
    text = Text(cells.pool)
    cells.write(text, list(range(40)))
    forks = [text.fork() for _ in range(10)]
    assert cells.pool.n_free == 2
    assert cells.pool.n_needed(forks[0], 1) == 1
    assert cells.pool.n_needed(forks[0], 25) == 2
    cells.write(forks[0], [99])
    assert cells.pool.n_free == 1
    assert cells.read(text) == list(range(40))


def test_a_text_that_is_forgotten_gives_its_blocks_back() -> None:
    cells = Cells(2)
    cells.write(Text(cells.pool), [1])
    assert cells.pool.n_free == 2


def test_a_full_cache_says_so() -> None:
    cells = Cells(1)
    text = Text(cells.pool)
    cells.write(text, [1] * 32)
    with pytest.raises(ResourceError, match="of the cache's 1 are 0 free"):
        cells.write(Text(cells.pool), [1])
    with pytest.raises(ValueError, match="truncate a text of 32"):
        text.truncate(33)


def test_a_forgotten_text_gives_its_blocks_back_when_the_pool_is_next_asked() -> None:
    """Python forgets a text at any moment, also while the pool is at work in another thread."""
    cells = Cells(4)
    text = Text(cells.pool)
    cells.write(text, [1] * 40)
    users = list(cells.pool._users)
    del text
    assert cells.pool._users == users  # nothing was touched yet
    assert cells.pool.n_free == 4


def test_a_reader_that_is_forgotten_while_another_copies_loses_no_block(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    cells = Cells(4)
    text = Text(cells.pool)
    cells.write(text, [7] * 10)
    forks = [text.fork()]
    monkeypatch.setattr(cells.pool, "_copy", lambda *_: forks.clear())  # the moment Python chooses
    cells.write(text, [8])
    text.close()
    assert cells.pool.n_free == 4
