"""Many rows in batches score like each row by itself."""

import math
from collections.abc import Sequence

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError, ContextLengthError, CorruptCheckpoint
from cutaway.evals import rows as rows_module
from cutaway.evals.rows import Row, score_rows, window_rows
from cutaway.generation.reader import EngineReader
from cutaway.models import GPT2
from engines import FakeEngine


def one_by_one(model: GPT2, ids: Sequence[int], first: int) -> tuple[float, bool]:
    """The naive way: a run of the model for every single token."""
    total, is_greedy = 0.0, True
    with torch.inference_mode():
        for place in range(first, len(ids)):
            logits = model(torch.tensor([list(ids[:place])]))[0, -1].double()
            total += float(logits.log_softmax(0)[ids[place]])
            is_greedy &= int(logits.argmax()) == ids[place]
    return total, is_greedy


def test_scores_are_those_of_the_row_alone(tiny_model: GPT2, generator: torch.Generator) -> None:
    n_ctx, n_vocab = tiny_model.config.n_ctx, tiny_model.config.vocab_size
    rows: list[Row] = []
    for i in range(16):
        n = 2 + int(torch.randint(n_ctx, (), generator=generator))
        ids = torch.randint(n_vocab, (n,), generator=generator).tolist()
        rows.append(Row(ids, first=1 + i % (n - 1)))
    scores = list(score_rows(tiny_model, rows, n_vocab=n_vocab, batch_tokens=50))
    for row, score in zip(rows, scores, strict=True):
        logprob, is_greedy = one_by_one(tiny_model, row.ids, row.first)
        assert score.n_tokens == len(row.ids) - row.first
        assert score.logprob == pytest.approx(logprob, abs=1e-5, rel=1e-5)
        assert score.is_greedy == is_greedy


def test_an_engine_scores_rows_too(tiny_model: GPT2, generator: torch.Generator) -> None:
    engine = FakeEngine(tiny_model)
    lengths = [2, 25, 3, 3, 25, 17, 1, *range(2, 26)]
    rows = [
        Row(torch.randint(61, (n,), generator=generator).tolist(), first=1 + (n > 12) * 5)
        for n in lengths
    ]
    for n_vocab in (61, 55):
        reader = EngineReader(engine, n_vocab=n_vocab)
        some = [Row([id % n_vocab for id in row.ids], row.first) for row in rows]
        actual = list(score_rows(reader, some, n_vocab=n_vocab))
        expected = list(score_rows(tiny_model, some, n_vocab=n_vocab))
        assert [score.n_tokens for score in actual] == [score.n_tokens for score in expected]
        assert [score.is_greedy for score in actual] == [score.is_greedy for score in expected]
        for ours, theirs in zip(actual, expected, strict=True):
            assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)
    assert engine.n_open == 0


def test_greedy_continuations_are_recognised(tiny_model: GPT2) -> None:
    ids = [5, 7]
    with torch.inference_mode():
        for _ in range(6):
            ids.append(int(tiny_model(torch.tensor([ids]))[0, -1].argmax()))
    wrong = [*ids[:-1], (ids[-1] + 1) % 61]
    rows = [Row(ids, first=2), Row(wrong, first=2), Row(wrong[:-1], first=2)]
    scores = score_rows(tiny_model, rows, n_vocab=61)
    assert [score.is_greedy for score in scores] == [True, False, True]


def test_order_is_kept_over_pools(
    tiny_model: GPT2, monkeypatch: pytest.MonkeyPatch, generator: torch.Generator
) -> None:
    monkeypatch.setattr(rows_module, "_POOL", 30)
    monkeypatch.setattr(rows_module, "_LOGITS", 200)  # three positions at a time
    rows = [Row(torch.randint(61, (n,), generator=generator).tolist()) for n in (9, 3, 25, 2, 11)]
    scores = list(score_rows(tiny_model, rows, n_vocab=61))
    expected = [one_by_one(tiny_model, row.ids, 1)[0] for row in rows]
    assert [score.logprob for score in scores] == pytest.approx(expected, abs=1e-5, rel=1e-5)


def test_padding_of_the_vocabulary_has_no_share(tiny_model: GPT2) -> None:
    row = Row([1, 2, 3])
    with torch.inference_mode():
        logits = tiny_model(torch.tensor([[1, 2]]))[0, :, :50].double()
    expected = logits.log_softmax(-1)[[0, 1], [2, 3]].sum()
    (score,) = score_rows(tiny_model, [row], n_vocab=50)
    assert score.logprob == pytest.approx(float(expected), abs=1e-5)


def test_the_model_stays_in_its_mode(tiny_model: GPT2) -> None:
    tiny_model.train()
    list(score_rows(tiny_model, [Row([1, 2])], n_vocab=61))
    assert tiny_model.training


def test_what_does_not_fit_is_refused(tiny_model: GPT2) -> None:
    with pytest.raises(ConfigError, match="62 entries, the model 61"):
        list(score_rows(tiny_model, [Row([1, 2])], n_vocab=62))
    with pytest.raises(ContextLengthError):
        list(score_rows(tiny_model, [Row([1] * 26)], n_vocab=61))


def test_a_damaged_model_has_no_score(tiny_model: GPT2) -> None:
    with torch.no_grad():
        tiny_model.ln_f.bias[0] = math.nan
    with pytest.raises(CorruptCheckpoint, match="not finite"):
        list(score_rows(tiny_model, [Row([1, 2])], n_vocab=61))


@given(n=st.integers(0, 60), n_ctx=st.integers(1, 12), data=st.data())
def test_windows_predict_every_token_once_with_enough_before_it(
    n: int, n_ctx: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, n_ctx))
    rows = list(window_rows(range(1, n + 1), eot=0, n_ctx=n_ctx, stride=stride))
    predicted = [token for row in rows for token in row.ids[row.first :]]
    assert predicted == list(range(1, n + 1))
    for row in rows:
        assert len(row.ids) <= n_ctx + 1
        assert list(row.ids) == list(range(row.ids[0], row.ids[0] + len(row.ids)))
        assert row.first >= min(row.ids[row.first], n_ctx - stride + 1)


def test_barred_tokens_are_no_choice_where_predictions_begin(tiny_model: GPT2) -> None:
    with torch.inference_mode():
        best, second = tiny_model(torch.tensor([[5, 7]]))[0, -1].topk(2).indices.tolist()
        after = int(tiny_model(torch.tensor([[5, 7, second]]))[0, -1].argmax())
    rows = [Row([5, 7, best], first=2), Row([5, 7, second], first=2)]
    rows += [Row([5, 7, second, after], first=2), Row([5], first=1), Row([5, 7, second, after], 3)]
    expected = [False, True, True, True, after != best]
    for barred, greedy in (((), [True, False, False, True, True]), ((best,), expected)):
        for model in (tiny_model, EngineReader(FakeEngine(tiny_model))):
            scores = list(score_rows(model, rows, n_vocab=61, barred=barred))
            assert [score.is_greedy for score in scores] == greedy
    plain = score_rows(tiny_model, rows, n_vocab=61)
    for one, other in zip(
        plain, score_rows(tiny_model, rows, n_vocab=61, barred=[best]), strict=True
    ):
        assert one.logprob == other.logprob
