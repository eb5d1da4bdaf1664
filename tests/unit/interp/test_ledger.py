"""The books of the cache: what was counted in real passes is what the formula says."""

from dataclasses import replace

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from whole_run import WholeRun

from cutaway.errors import ConfigError
from cutaway.interp.ledger import MultiplyAdds, ledger, measure, multiply_adds
from cutaway.models import GPT2, PRESETS, GPT2Config
from taps import Explicit

IDS = [3, 1, 4, 1, 5, 9, 2, 6]
N = len(IDS)


@pytest.fixture
def run(tiny_model: GPT2) -> WholeRun:
    return WholeRun(tiny_model, IDS)


def test_every_step_counts_what_the_formula_says(run: WholeRun) -> None:
    books, seen = ledger(run), measure(run, positions=range(N))
    assert seen.positions == tuple(range(N))
    for name in ("made_with", "made_without", "with_cache", "without_cache"):
        assert getattr(seen, name).tolist() == getattr(books, name).tolist(), name
    assert (seen.ms_with > 0).all()
    assert (seen.ms_without > 0).all()
    assert seen.difference.max() < 1e-4


@pytest.mark.parametrize("size", [(61, 20, 3, 5), (7, 6, 1, 1), (100, 16, 2, 4)])
def test_the_formula_for_other_sizes_and_torchs_own_counter(size: tuple[int, ...]) -> None:
    V, D, L, H = size
    config = GPT2Config(vocab_size=V, n_ctx=16, n_embd=D, n_layer=L, n_head=H)
    model = GPT2(config).eval()
    for n in (1, 2, 9):
        tokens = torch.arange(n)[None] % V
        with torch.no_grad(), MultiplyAdds() as fused:
            model.unembed(model.hidden(tokens)[:, -1])
        # Their counter does not know the fused kernel of CPUs, so it sees attention in steps.
        with torch.no_grad(), FlopCounterMode(display=False) as theirs, MultiplyAdds() as explicit:
            model.unembed(model.hidden(tokens, tap=Explicit())[:, -1])
        formula = multiply_adds(config, n_new=n)
        assert fused.total == explicit.total == formula
        assert theirs.get_total_flops() == 2 * formula


def test_a_longer_pass_behind_a_cache(tiny_model: GPT2) -> None:
    cache = tiny_model.new_cache()
    with torch.no_grad():
        tiny_model.hidden(torch.tensor([IDS[:5]]), cache=cache)
        with MultiplyAdds() as counter:
            tiny_model.unembed(tiny_model.hidden(torch.tensor([IDS[5:]]), cache=cache)[:, -1])
    assert counter.total == multiply_adds(tiny_model.config, n_new=3, n_held=5)


def test_bytes_are_those_of_the_cache(run: WholeRun) -> None:
    books = ledger(run)
    for t in range(N):
        assert int(books.bytes_held[t]) == run.model.new_cache(1, t + 1).nbytes
    assert books.bytes_per_position == 2 * 3 * 20 * 4
    half = WholeRun(run.model, IDS)
    half.model = GPT2(run.model.config).half()
    assert ledger(half).bytes_per_position == 2 * 3 * 20 * 2


def test_all_positions_are_made_or_reused(run: WholeRun) -> None:
    books = ledger(run)
    assert (books.made_with == 1).all()
    assert torch.equal(books.made_with + books.reused_with, books.made_without)
    assert torch.equal(books.with_cache[:1], books.without_cache[:1])
    assert (books.with_cache <= books.without_cache).all()


def test_the_small_model_multiplies_every_matrix_once_for_a_token() -> None:
    """For one token: all parameters but embeddings of positions, biases and gains, and 2 L D."""
    config = replace(PRESETS["gpt2"], n_layer=12)
    matrices = 12 * (768 * 2304 + 768 * 768 + 2 * 768 * 3072) + 50257 * 768
    assert multiply_adds(config, n_new=1) == matrices + 2 * 12 * 768


@pytest.mark.parametrize(
    ("n", "expected"),
    [(1, [0]), (2, [0, 1]), (4, [0, 3]), (5, [0, 3, 4]), (24, [0, 3, 15, 23])],
)
def test_positions_unless_given(tiny_model: GPT2, n: int, expected: list[int]) -> None:
    seen = measure(WholeRun(tiny_model, [1] * n))
    assert list(seen.positions) == expected


def test_a_model_in_training_is_measured_as_it_runs_and_left_as_it_was(run: WholeRun) -> None:
    run.model.train()
    measure(run, positions=[3])
    assert run.model.training
    with torch.inference_mode():
        assert measure(run, positions=[3]).made_with.tolist() == [1]


@pytest.mark.parametrize("position", [-1, 8, True])
def test_a_position_that_is_not_there_is_refused(run: WholeRun, position: int) -> None:
    with pytest.raises(ConfigError, match=r"position is .*\nIt must be .* from 0 to 7."):
        measure(run, positions=[0, position])


def test_no_position_is_refused(run: WholeRun) -> None:
    with pytest.raises(ConfigError, match="positions is empty"):
        measure(run, positions=[])
