"""Head search: weights from the patterns themselves, habits against plain loops."""

import numpy as np
import pytest
import torch
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.heads import head_rows, head_scores, head_weights
from cutaway.models import GPT2

IDS = [3, 1, 4, 1, 5, 9, 3, 1, 4, 4, 4]


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def patterns(run: WholeRun) -> np.ndarray:
    """All patterns (L, H, T, S), in float64."""
    return np.stack([run.at(f"h.{i}.attn.pattern").double().numpy() for i in range(3)])


def test_rows_sum_to_one_and_see_no_future(run: WholeRun) -> None:
    for q in range(len(IDS)):
        rows = head_rows(run, q=q)
        assert rows.shape == (3, 5, len(IDS))
        assert (rows[..., q + 1 :] == 0).all()
        torch.testing.assert_close(rows.sum(-1), torch.ones(3, 5), rtol=0, atol=1e-6)
        np.testing.assert_allclose(rows, patterns(run)[:, :, q], atol=1e-6)


def test_a_weight_is_a_cell_of_the_row(run: WholeRun) -> None:
    assert torch.equal(head_weights(run, q=7, k=2), head_rows(run, q=7)[..., 2])


def test_habits_against_loops(run: WholeRun) -> None:
    seen, whole = head_scores(run), patterns(run)
    n = len(IDS)
    assert seen.n_positions == n - 1
    previous = np.mean([whole[:, :, q, q - 1] for q in range(1, n)], axis=0)
    first = np.mean([whole[:, :, q, 0] for q in range(1, n)], axis=0)
    np.testing.assert_allclose(seen.previous, previous, atol=1e-6)
    np.testing.assert_allclose(seen.first, first, atol=1e-6)
    copies = {q: [p for p in range(q) if IDS[p] == IDS[q]] for q in range(n)}
    behind = {q: [p + 1 for p in copies[q] if p + 1 < q] for q in range(n)}
    for places, mean, count in (
        (copies, seen.duplicate, seen.n_duplicate),
        (behind, seen.induction, seen.n_induction),
    ):
        some = [whole[:, :, q, keys].sum(-1) for q, keys in places.items() if keys]
        assert count == len(some)
        np.testing.assert_allclose(mean, np.mean(some, axis=0), atol=1e-6)
    assert seen.n_induction == seen.n_duplicate == 6


def test_a_perfect_induction_head_scores_one(tiny_model: GPT2) -> None:
    class Perfect(WholeRun):
        def pattern(self, layer: int, head: int, rows: slice = slice(None)) -> torch.Tensor:
            pattern = torch.eye(6)
            if (layer, head) == (1, 2):
                pattern[4], pattern[5] = torch.eye(6)[2], torch.eye(6)[3]
            return pattern[rows]

    seen = head_scores(Perfect(tiny_model, [7, 8, 9, 10, 8, 9]))
    assert seen.n_induction == 2
    assert seen.induction is not None
    assert seen.induction[1, 2] == 1
    assert seen.induction.sum() == 1


def test_a_text_without_copies_shows_no_habit_of_copies(tiny_model: GPT2) -> None:
    seen = head_scores(WholeRun(tiny_model, [1, 2, 3]))
    assert seen.duplicate is None
    assert seen.induction is None
    assert (seen.n_duplicate, seen.n_induction, seen.n_positions) == (0, 0, 2)
    alone = head_scores(WholeRun(tiny_model, [1]))
    assert alone.previous is None
    assert alone.first is None
    twice = head_scores(WholeRun(tiny_model, [1, 1]))
    assert (twice.n_duplicate, twice.n_induction) == (1, 0)


@pytest.mark.parametrize(("q", "k", "name"), [(11, 0, "q"), (0, 11, "k"), (-1, 0, "q")])
def test_positions_that_are_not_there_are_refused(run: WholeRun, q: int, k: int, name: str) -> None:
    with pytest.raises(ConfigError, match=rf"{name} is .*\nIt must be .* from 0 to 10."):
        head_weights(run, q=q, k=k)


def test_habits_of_a_text_in_several_parts(
    tiny_model: GPT2, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = head_scores(WholeRun(tiny_model, IDS))
    monkeypatch.setattr("cutaway.interp.heads._ROWS", 4)
    parts = head_scores(WholeRun(tiny_model, IDS))
    for name in ("previous", "first", "duplicate", "induction"):
        torch.testing.assert_close(getattr(parts, name), getattr(whole, name), rtol=0, atol=1e-6)
