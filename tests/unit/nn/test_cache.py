"""The key-value cache by itself: what it holds, forgets, reorders and refuses."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.models import GPT2, PRESETS, GPT2Config
from cutaway.nn import KVCache


@pytest.fixture
def cache() -> KVCache:
    return KVCache(n_layer=2, batch=3, n_head=4, n_ctx=8, head_dim=5)


def write(cache: KVCache, n_new: int, value: float = 1.0) -> None:
    """Puts ``row + value`` into every new slot of all layers, as a model would."""
    rows = torch.arange(len(cache.lengths)).float()[:, None, None, None] + value
    new = rows.expand(-1, 4, n_new, 5)
    for i in range(2):
        cache.layer(i).extend(new, -new)
    cache.advance(n_new)


def test_bytes_are_those_of_the_article_s_small_model() -> None:
    """2 (k and v) x 12 layers x 768 x 2 bytes = 36,864 bytes a token."""
    config = PRESETS["gpt2"]
    cache = KVCache(
        n_layer=config.n_layer,
        batch=1,
        n_head=config.n_head,
        n_ctx=10,
        head_dim=config.head_dim,
        dtype=torch.float16,
        device="meta",
    )
    assert cache.nbytes == 10 * 36_864


def test_starts_empty_and_uniform(cache: KVCache) -> None:
    assert cache.is_empty
    assert cache.is_uniform
    assert cache.lengths == [0, 0, 0]
    assert cache.n_ctx == 8


def test_extend_returns_old_and_new_keys_and_values(cache: KVCache) -> None:
    write(cache, 2, value=1.0)
    new = torch.full((3, 4, 1, 5), 7.0)
    k, v = cache.layer(1).extend(new, new + 1)
    assert k.shape == v.shape == (3, 4, 3, 5)
    assert k[1, 0, :, 0].tolist() == [2.0, 2.0, 7.0]
    assert v[1, 0, :, 0].tolist() == [-2.0, -2.0, 8.0]


def test_layers_do_not_count_tokens_and_do_not_touch_each_other(cache: KVCache) -> None:
    cache.layer(0).extend(torch.ones(3, 4, 2, 5), torch.ones(3, 4, 2, 5))
    assert cache.lengths == [0, 0, 0]
    assert cache.k[0].sum() == 3 * 4 * 2 * 5
    assert cache.k[1].sum() == 0


def test_rows_of_different_length_are_written_behind_their_own(cache: KVCache) -> None:
    write(cache, 3)
    cache.truncate([1, 3, 2])
    assert not cache.is_uniform
    assert cache.positions(2, torch.device("cpu")).tolist() == [[1, 2], [3, 4], [2, 3]]
    write(cache, 1, value=10.0)
    assert cache.lengths == [2, 4, 3]
    assert cache.k[0, :, 0, :4, 0].tolist() == [
        [1, 10, 1, 0],  # the third slot is left over from before, behind this row's length
        [2, 2, 2, 11],
        [3, 3, 12, 0],
    ]


def test_truncate_keeps_what_is_before(cache: KVCache) -> None:
    write(cache, 4)
    cache.truncate([2, 2, 2])
    assert cache.is_uniform
    write(cache, 1, value=5.0)
    assert cache.k[1, 2, 0, :4, 0].tolist() == [3, 3, 7, 3]


@pytest.mark.parametrize("lengths", [[5, 4, 4], [4, -1, 4], [4, 4], [4, 4, 4, 4]])
def test_truncate_refuses_impossible_lengths_and_changes_nothing(
    cache: KVCache, lengths: list[int]
) -> None:
    write(cache, 4)
    with pytest.raises(ValueError, match=r"truncate|argument"):
        cache.truncate(lengths)
    assert cache.lengths == [4, 4, 4]


def test_select_forks_drops_and_reorders_rows(cache: KVCache) -> None:
    write(cache, 3)
    cache.truncate([1, 2, 3])
    cache.select([2, 0, 2, 2])
    assert cache.lengths == [3, 1, 3, 3]
    assert cache.k[0, :, 0, 0, 0].tolist() == [3, 1, 3, 3]
    assert cache.v[1, :, 3, 0, 4].tolist() == [-3, -1, -3, -3]


@given(
    rows=st.lists(st.integers(0, 5), max_size=8),
    lengths=st.lists(st.integers(0, 4), min_size=6, max_size=6),
)
def test_selected_rows_hold_what_was_there(rows: list[int], lengths: list[int]) -> None:
    """In whatever order they are asked for: in place or copied, nothing is overwritten too soon."""
    cache = KVCache(n_layer=2, batch=6, n_head=3, n_ctx=8, head_dim=5)
    cache.k.normal_()
    cache.v.normal_()
    cache.lengths = lengths
    k, v = cache.k.clone(), cache.v.clone()
    cache.select(rows)
    assert cache.lengths == [lengths[row] for row in rows]
    for i, row in enumerate(rows):
        held = slice(lengths[row])
        assert cache.k[:, i, :, held].equal(k[:, row, :, held])
        assert cache.v[:, i, :, held].equal(v[:, row, :, held])


def test_rows_that_stay_are_not_copied(cache: KVCache) -> None:
    write(cache, 3)
    held = cache.k.data_ptr()
    cache.select([0, 0])
    assert cache.k.data_ptr() == held


def test_select_may_end_all_rows(cache: KVCache) -> None:
    write(cache, 3)
    cache.select([])
    assert cache.lengths == []
    assert cache.nbytes == 0


def test_selected_rows_go_separate_ways(cache: KVCache) -> None:
    write(cache, 1)
    cache.select([0, 0])
    cache.k[:, 0] = 9.0
    assert cache.k[0, 1, 0, 0, 0] == 1.0


def test_select_refuses_rows_that_are_not_there(cache: KVCache) -> None:
    write(cache, 1)
    for rows in ([3], [-1]):
        with pytest.raises((IndexError, RuntimeError)):
            cache.select(rows)
    assert cache.lengths == [1, 1, 1]


def test_reserve_counts_the_longest_row(cache: KVCache) -> None:
    write(cache, 6)
    cache.truncate([1, 6, 2])
    cache.reserve(2)
    with pytest.raises(ContextLengthError, match=r"6 cached \+ 3 new .* 8 positions"):
        cache.reserve(3)
    assert cache.lengths == [1, 6, 2]


def test_new_cache_fits_the_model_it_is_for() -> None:
    config = GPT2Config(vocab_size=7, n_ctx=12, n_embd=6, n_layer=2, n_head=3)
    model = GPT2(config).to(torch.bfloat16)
    cache = model.new_cache(batch=4, n_ctx=5)
    assert cache.k.shape == (2, 4, 3, 5, 2)
    assert cache.k.dtype == torch.bfloat16
    assert model.new_cache().n_ctx == 12
    assert model.new_cache(n_ctx=99).n_ctx == 12  # more positions than the model has are no use


def test_a_full_cache_refuses_before_it_changes(tiny_model: GPT2) -> None:
    cache = tiny_model.new_cache(n_ctx=4)
    tiny_model(torch.zeros(1, 3, dtype=torch.long), cache=cache)
    kept = cache.k.clone()
    with pytest.raises(ContextLengthError, match=r"3 cached \+ 2 new"):
        tiny_model(torch.zeros(1, 2, dtype=torch.long), cache=cache)
    assert cache.lengths == [3]
    assert torch.equal(cache.k, kept)


def test_a_cache_of_other_rows_is_refused(tiny_model: GPT2) -> None:
    """One row of keys would broadcast into all rows of the cache, silently."""
    cache = tiny_model.new_cache(batch=2)
    with pytest.raises(ConfigError, match=r"1 row.* 2"):
        tiny_model(torch.zeros(1, 3, dtype=torch.long), cache=cache)
    assert cache.is_empty
    assert not cache.k.any()
