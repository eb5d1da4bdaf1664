"""Bars, columns and tokens."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.cli.render import bar, candidate_rows, count_of_bytes, pad, piece, width_of
from cutaway.generation import Candidate


@given(st.floats(-1, 2), st.integers(0, 60))
def test_a_bar_fills_its_columns(share: float, width: int) -> None:
    assert len(bar(share, width)) == width


@given(st.lists(st.floats(0, 1), min_size=2, max_size=2).map(sorted), st.integers(1, 60))
def test_a_longer_bar_is_a_greater_share(shares: list[float], width: int) -> None:
    def filled(text: str) -> float:
        eighths = " \u258f\u258e\u258d\u258c\u258b\u258a\u2589\u2588"
        return sum(eighths.index(char) for char in text)

    less, more = (filled(bar(share, width)) for share in shares)
    assert less <= more
    assert abs(less - shares[0] * width * 8) <= 0.5 + 1e-9


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])), st.integers(1, 30))
def test_padding_gives_exactly_the_width(text: str, width: int) -> None:
    assert width_of(pad(text, width)) == width
    if width_of(text) <= width:
        assert pad(text, width).startswith(text)


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b" the", "\u2423the"),
        (b"\n\n", "\\n\\n"),
        (b"\xe4\xbd", "\\xe4\\xbd"),
        ("\u4f60".encode(), "\u4f60"),
        (b"\x1b[31m", "\\x1b[31m"),
        (b"", ""),
    ],
)
def test_pieces(data: bytes, shown: str) -> None:
    assert piece(data) == shown


@pytest.mark.parametrize(
    ("n", "shown"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (999_949, "999.9 kB"), (999_950, "1.0 MB")],
)
def test_counts_of_bytes(n: int, shown: str) -> None:
    assert count_of_bytes(n) == shown


def candidate(word: str, prob: float, rank: int) -> Candidate:
    return Candidate(
        id=rank,
        text=word,
        bytes=word.encode(),
        logit=-12.3,
        logprob=math.log(prob),
        prob=prob,
        rank=rank,
    )


@given(
    st.lists(st.text(st.characters(categories=["L", "N", "P"]), max_size=30), max_size=12),
    st.integers(20, 120),
)
def test_no_row_is_wider_than_the_terminal(words: list[str], width: int) -> None:
    candidates = [candidate(word, 0.5**rank, rank) for rank, word in enumerate(words, start=1)]
    rows = candidate_rows(candidates, 0.25, 50_247, width=width)
    assert len(rows) == len(words) + 1
    widths = {width_of("".join(row[:3])) for row in rows}
    assert len(widths) == 1  # so the columns stand below each other
    assert all(width_of("".join(row)) <= width for row in rows)


def test_rows_name_what_is_asked_for() -> None:
    first, second, rest = candidate_rows(
        [candidate(" a", 0.5, 1), candidate("the", 0.25, 2)], 0.25, 8_190, width=80
    )
    assert "".join(first).split() == ["1", "\u2423a", "\u2588" * 40, "50.00", "%", "-12.30"]
    assert "".join(second).split() == ["2", "the", "\u2588" * 20, "25.00", "%", "-12.30"]
    assert "".join(rest).split() == ["all", "8,190", "others", "25.00", "%"]
