"""The mask of rows whose first tokens see each other both ways."""

import torch

from cutaway.models import GPT2, GPT2Config
from cutaway.nn.masks import causal_mask, prefix_mask
from cutaway.training.objectives import TokenBatch

TINY = GPT2Config(vocab_size=11, n_ctx=8, n_embd=16, n_layer=2, n_head=2)


def test_a_query_sees_the_prefix_and_what_is_before_it() -> None:
    mask = prefix_mask(torch.tensor([0, 3, 9]), 5)
    assert mask.bias is not None
    assert mask.bias.shape == (3, 1, 5, 5)
    for row, prefix in zip(mask.bias[:, 0], (0, 3, 9), strict=True):
        for t in range(5):
            assert row[t].tolist() == [s <= t or s < prefix for s in range(5)]


def test_a_prefix_of_one_is_causal() -> None:
    model, tokens = GPT2(TINY).eval(), torch.tensor([[1, 2, 3, 4]])
    causal = model.hidden(tokens, mask=causal_mask(4, None, tokens.device))
    torch.testing.assert_close(model.hidden(tokens, mask=prefix_mask(torch.tensor([1]), 4)), causal)


def test_a_change_in_the_prefix_reaches_all_of_it_and_one_behind_it_reaches_none() -> None:
    model, mask = GPT2(TINY).eval(), prefix_mask(torch.tensor([3]), 6)
    tokens = torch.tensor([[1, 2, 3, 4, 5, 6]])
    before = model.hidden(tokens, mask=mask)
    for place, first in ((2, 0), (3, 3), (5, 5)):
        other = tokens.clone()
        other[0, place] = 9
        changed = (model.hidden(other, mask=mask) - before).abs().sum(dim=-1)[0] > 1e-6
        assert changed.tolist() == [t >= first for t in range(6)]


def test_a_batch_is_cut_with_its_prefixes_and_to_its_last_targets() -> None:
    batch = TokenBatch(
        torch.arange(12).view(3, 4),
        torch.tensor([[-100, 2, 3, 4], [-100, 2, -100, -100], [1, -100, -100, -100]]),
        prefix=torch.tensor([2, 2, 1]),
    )
    whole, rest = batch.split(1)[0], batch.split(2)[1]
    assert whole.tokens.shape == (1, 4)
    assert rest.tokens.tolist() == [[8]]
    assert rest.prefix is not None
    assert rest.prefix.tolist() == [1]
    assert set(rest.tensors()) == {"tokens", "targets", "prefix"}
    assert sum(part.n_targets for part in batch.split(2)) == batch.n_targets == 5
