"""Pairs laid out for a decoder, and for an encoder and a decoder."""

import pytest
import torch

from cutaway.data.pair_tokens import Fit, encode_pairs
from cutaway.data.pairs import Pair
from cutaway.data.task import TaskFormat
from cutaway.tokenizers import Tokenizer
from cutaway.training.cross_entropy import IGNORED
from cutaway.training.objectives import TokenBatch
from cutaway.training.pair_batches import PairBatches, Rows
from cutaway.training.recipe import LoopConfig
from cutaway.training.seq2seq import PairBatch

BYTES = Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)}, specials={"<m>": 257})
PAIRS = encode_pairs([Pair("ab", "c"), Pair("a", "xyz")], BYTES, Fit(n_ctx=99))
A, B, C, X, Y, Z = b"abcxyz"
EOT, MARK, NO = 256, 257, IGNORED


def rows(*, two_sides: bool = False, **fields: str) -> Rows:
    format = TaskFormat(marker="<m>", **fields)  # type: ignore[arg-type]
    return Rows(format, marker=MARK, eot=EOT, two_sides=two_sides)


def test_a_row_learns_its_target() -> None:
    batch = rows().batch(PAIRS, [1, 0])
    assert isinstance(batch, TokenBatch)
    assert batch.tokens.tolist() == [[A, MARK, X, Y, Z], [A, B, MARK, C, EOT]]
    assert batch.targets.tolist() == [[NO, X, Y, Z, EOT], [NO, NO, C, EOT, NO]]
    assert batch.prefix is None
    format = TaskFormat(marker="<m>")
    for i, pair in enumerate([Pair("a", "xyz"), Pair("ab", "c")]):
        ids = format.row(BYTES, pair).ids
        assert batch.tokens[i, : len(ids) - 1].tolist() == ids[:-1]


def test_a_row_may_learn_both_sides_or_see_its_source_whole() -> None:
    both = rows(loss="both").batch(PAIRS, [0])
    assert both.targets.tolist() == [[B, MARK, C, EOT]]
    prefix = rows(mask="prefix").batch(PAIRS, [0, 1])
    assert isinstance(prefix, TokenBatch)
    assert prefix.prefix is not None
    assert prefix.prefix.tolist() == [3, 2]


def test_two_sides() -> None:
    batch = rows(two_sides=True).batch(PAIRS, [0, 1])
    assert isinstance(batch, PairBatch)
    assert batch.source.tolist() == [[A, B, EOT], [A, EOT, EOT]]
    assert batch.source_lengths.tolist() == [3, 2]
    assert batch.tokens.tolist() == [[MARK, C, EOT, EOT], [MARK, X, Y, Z]]
    assert batch.targets.tolist() == [[C, EOT, NO, NO], [X, Y, Z, EOT]]
    assert (batch.n_rows, batch.width, batch.n_targets, batch.n_tokens) == (2, 4, 6, 14)
    one, other = batch.split(1)
    assert one.tokens.tolist() == [[MARK, C]]
    assert other.source.tolist() == [[A, EOT]]
    moved = batch.to(torch.device("cpu"))
    assert all(torch.equal(moved.tensors()[k], v) for k, v in batch.tensors().items())


@pytest.mark.parametrize("n", [0, 1, 9])
def test_a_look_has_the_first_pairs_or_all(n: int) -> None:
    batches = PairBatches(LoopConfig(batch_size=4), PAIRS, rows(), seed=0)
    look = batches.looks(PAIRS, n)
    assert look.n_rows == (1 if n == 1 else 2)
    assert look.n_targets == (2 if n == 1 else 6)


def test_a_step_has_as_many_pairs_as_the_recipe_says() -> None:
    loop = LoopConfig(batch_size=4, micro_batch_size=2)
    batches = PairBatches(loop, PAIRS, rows(), seed=0)
    batch = batches.of(5)
    assert batch.n_rows == 4
    again = PairBatches(loop, PAIRS, rows(), seed=0).of(5)
    assert torch.equal(again.tokens, batch.tokens)
