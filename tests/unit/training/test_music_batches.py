"""Rows of music: what is read, what is due, and what is not learned."""

import numpy as np
import pytest

from cutaway.data.pieces import encode_pieces
from cutaway.music import chorale_tokenizer, encode, performance_tokenizer
from cutaway.music.augment import transposed
from cutaway.training.cross_entropy import IGNORED
from cutaway.training.music_batches import ChoraleBatches, PerformanceBatches
from cutaway.training.recipe import Recipe
from pieces_of_music import performances

PERFORMANCES, CHORALES = performance_tokenizer(), chorale_tokenizer()
PIECES = performances(5)


def recipe(kind: str, vocab_size: int, n_ctx: int, **tables: dict[str, object]) -> Recipe:
    split = {"split": "train"} if kind == "chorales" else {}
    data = {"train_music": [{"file": "a", **split}], **tables.pop("data", {})}
    model = {"vocab_size": vocab_size, "n_ctx": n_ctx, "n_embd": 8, "n_layer": 1, "n_head": 2}
    return Recipe.from_dict(
        {"seed": 4, "task": {"kind": kind}, "model": model, "data": data, **tables}
    )


def batches(**tables: dict[str, object]) -> PerformanceBatches:
    made = recipe("performance", 389, 16, **tables)
    return PerformanceBatches(made, encode_pieces(PIECES, PERFORMANCES), eot=388)


def test_rows_are_parts_of_pieces_between_ends_of_text() -> None:
    texts = [" ".join(map(str, [388, *encode(piece), 388])) for piece in PIECES]
    batch = batches(training={"batch_size": 20, "micro_batch_size": 4}).of(3)
    assert batch.tokens.shape == batch.targets.shape == (20, 16)
    for tokens, targets in zip(batch.tokens.tolist(), batch.targets.tolist(), strict=True):
        assert tokens[1:] == targets[:-1]
        row = " ".join(map(str, [tokens[0], *targets]))
        assert any(row in text for text in texts)


def test_rows_are_moved_by_the_semitones_that_are_drawn() -> None:
    moved = [
        " ".join(map(str, [388, *encode(transposed(piece, n)), 388]))
        for piece in PIECES
        for n in range(-2, 3)
    ]
    made = batches(data={"transpose": 2}, training={"batch_size": 40, "micro_batch_size": 40})
    batch = made.of(0)
    plain = batches(training={"batch_size": 40, "micro_batch_size": 40}).of(0)
    assert not (batch.tokens == plain.tokens).all()
    for tokens in batch.tokens.tolist():
        assert any(" ".join(map(str, tokens)) in text for text in moved)


def test_a_short_piece_is_padded_and_the_padding_not_learned() -> None:
    pieces = encode_pieces(performances(2, 1), PERFORMANCES)
    made = recipe("performance", 389, 64, training={"batch_size": 2, "micro_batch_size": 1})
    batch = PerformanceBatches(made, pieces, eot=388).of(0)
    n_targets = sorted((batch.targets != IGNORED).sum(dim=1).tolist())
    assert n_targets == sorted(len(pieces.events(i)) + 1 for i in range(2))
    assert batch.n_targets == sum(n_targets)


def test_short_windows_come_first_with_as_many_more_rows() -> None:
    training = {"batch_size": 2, "micro_batch_size": 1, "short_steps": 2, "short_window": 4}
    made = batches(training=training)
    assert made.of(1).tokens.shape == (8, 4)
    assert made.of(2).tokens.shape == (2, 16)


def test_a_look_predicts_each_event_once_and_no_end() -> None:
    pieces = encode_pieces(PIECES, PERFORMANCES)
    look = batches().looks(pieces, 10_000)
    assert look.n_targets == pieces.index.n_tokens
    assert not (look.targets == 388).any()
    few = batches().looks(pieces, 7)
    assert few.tokens.shape[0] == 7
    assert batches().looks(pieces, 7).tokens.equal(few.tokens)


def chorales() -> list[np.ndarray]:  # type: ignore[type-arg]
    rng = np.random.default_rng(1)
    rows = []
    for n_steps in (3, 6, 4, 8, 5, 7):
        most = 4 if n_steps == 8 else 1
        steps = np.array([72, 65, 60, 48]) + rng.integers(-most, most + 1, (n_steps, 4))
        rows.append(steps.reshape(-1).astype(np.int64))
    rows[0][2] = 128
    return rows


def test_chorales_are_dealt_whole() -> None:
    rows = chorales()
    training = {"batch_size": 3, "micro_batch_size": 3}
    made = ChoraleBatches(recipe("chorales", 130, 40, training=training), rows, eot=129)
    seen = []
    for step in range(2):
        batch = made.of(step)
        for tokens, targets in zip(batch.tokens.tolist(), batch.targets.tolist(), strict=True):
            due = [id for id in targets if id != IGNORED]
            assert tokens[0] == 129
            assert due[-1] == 129
            assert tokens[1 : len(due)] == due[:-1]
            seen.append(due[:-1])
    assert sorted(seen) == sorted(row.tolist() for row in rows)


def test_no_voice_leaves_what_it_sings_anywhere() -> None:
    rows = chorales()
    made = recipe("chorales", 130, 40, data={"transpose": 3},
                  training={"batch_size": 6, "micro_batch_size": 6})  # fmt: skip
    dealt = ChoraleBatches(made, rows, eot=129)
    plain = [set(np.concatenate([row[v::4] for row in rows]).tolist()) for v in range(4)]
    lows = [min(p for p in voice if p < 128) for voice in plain]
    highs = [max(p for p in voice if p < 128) for voice in plain]
    moved = set()
    for step in range(30):
        batch = dealt.of(step)
        for targets in batch.targets.tolist():
            ids = np.array([id for id in targets if id != IGNORED][:-1])
            [origin] = [row for row in rows if len(row) == len(ids)]
            moved |= {int(n) for n in (ids - origin)[origin < 128]}
            assert (ids[origin == 128] == 128).all()
            for voice in range(4):
                sung = ids[voice::4][ids[voice::4] < 128]
                assert sung.min() >= lows[voice]
                assert sung.max() <= highs[voice]
    assert len(moved) > 1


@pytest.mark.parametrize(("n", "expected"), [(0, 6), (4, 4), (99, 6)])
def test_a_look_at_chorales_predicts_the_notes_alone(n: int, expected: int) -> None:
    rows = chorales()
    look = ChoraleBatches(recipe("chorales", 130, 40), rows, eot=129).looks(rows, n)
    assert look.tokens.shape[0] == expected
    assert look.n_targets == sum(len(row) for row in rows[:expected])
    assert not (look.targets == 129).any()
    lengths = (look.targets != IGNORED).sum(dim=1).tolist()
    assert lengths == sorted(lengths, reverse=True)
