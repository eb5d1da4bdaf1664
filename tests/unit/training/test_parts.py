"""Parts of a corpus: fair samples that overlap only where they are asked to."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.training.corpus_tables import MusicSource, PairSource
from cutaway.training.parts import part_of


@given(n=st.integers(0, 40), cut=st.integers(1, 99), draw=st.integers(0, 3))
def test_two_parts_share_nothing_and_make_the_whole(n: int, cut: int, draw: int) -> None:
    items, share = list(range(n)), cut / 100
    first = part_of(PairSource(source="a", part=(0.0, share), draw=draw), items)
    second = part_of(MusicSource(file="a", part=(share, 1.0), draw=draw), items)
    taken = [*first, *second]
    assert set(taken) == set(items)
    if round(share * n):  # else the first has one all the same
        assert sorted(taken) == items


@pytest.mark.parametrize("n", [1, 7])
def test_the_whole_is_handed_on_as_it_is(n: int) -> None:
    items = list(range(n))
    assert part_of(PairSource(source="a"), items) is items


def test_draws_differ_and_the_order_stays() -> None:
    items = list(range(30))
    parts = [part_of(PairSource(source="a", part=(0.0, 0.5), draw=draw), items) for draw in (0, 1)]
    assert list(parts[0]) != list(parts[1])
    assert all(list(part) == sorted(part) for part in parts)
