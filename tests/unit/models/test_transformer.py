"""The Transformer of 2017: wiring, padding, causality, cache, sizes."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from cutaway.checkpoints.names import parameter_count
from cutaway.errors import ConfigError, ContextLengthError
from cutaway.models import EncoderDecoder, TransformerConfig, new_model, parameter_table
from cutaway.models.config import config_of_kind
from cutaway.training.estimate import RunShape
from taps import Keep

SIZE = TransformerConfig(
    vocab_size=61, n_ctx=24, n_embd=20, n_layer=3, n_head=5, n_inner=36, dropout=0.1
)
SOURCE = torch.tensor([[3, 1, 4, 1, 5, 9], [2, 7, 1, 8, 2, 8]])
TARGET = torch.tensor([[0, 6, 2, 8], [0, 5, 7, 7]])


@pytest.fixture(scope="module")
def model(enliven: Callable[..., EncoderDecoder]) -> EncoderDecoder:
    return enliven(EncoderDecoder(SIZE)).double()


def scores(model: EncoderDecoder, source: Tensor, target: Tensor) -> Tensor:
    with torch.no_grad():
        return model(target, memory=model.encode(source))


def test_a_word_of_the_target_sees_none_behind_it(model: EncoderDecoder) -> None:
    before = scores(model, SOURCE, TARGET)
    for place in range(4):
        changed = TARGET.clone()
        changed[:, place] = 33
        differs = (scores(model, SOURCE, changed) != before).any(-1).any(0)
        assert differs.tolist() == [False] * place + [True] * (4 - place)


def test_every_word_sees_all_of_the_source(model: EncoderDecoder) -> None:
    before = scores(model, SOURCE, TARGET)
    for place in range(6):
        changed = SOURCE.clone()
        changed[:, place] = 33
        assert (scores(model, changed, TARGET) != before).any(-1).all()


def test_padding_of_the_source_changes_nothing(model: EncoderDecoder) -> None:
    lengths = torch.tensor([6, 4])
    padded = torch.cat([SOURCE, torch.full((2, 3), 50)], dim=1)
    padded[1, 4:] = torch.tensor([60, 1, 2, 3, 4])
    with torch.no_grad():
        found = model(TARGET, memory=model.encode(padded, lengths))
    alone = scores(model, SOURCE[:1], TARGET[:1])
    short = scores(model, SOURCE[1:, :4], TARGET[1:])
    torch.testing.assert_close(found, torch.cat([alone, short]), rtol=0, atol=1e-12)


@pytest.mark.parametrize("ahead", [False, True])
def test_with_a_cache_it_is_the_same(model: EncoderDecoder, ahead: bool) -> None:
    """One token at a time, in pieces, and with what the decoder knows of the source made once."""
    expected = scores(model, SOURCE, TARGET)
    with torch.no_grad():
        memory = model.encode(SOURCE)
        memory = model.remember(memory) if ahead else memory
        for cuts in ([1, 1, 1, 1], [2, 2], [3, 1]):
            cache = model.new_cache(2)
            parts = TARGET.split(cuts, dim=1)
            found = [model(part, memory=memory, cache=cache) for part in parts]
            torch.testing.assert_close(torch.cat(found, dim=1), expected, rtol=0, atol=1e-12)


def test_every_site_is_seen(model: EncoderDecoder) -> None:
    seen: dict[str, Tensor] = {}
    with torch.no_grad():
        memory = model.encode(SOURCE, tap=Keep(seen))
        model(TARGET, memory=memory, tap=Keep(seen))
    shapes = {name: tuple(value.shape) for name, value in seen.items()}
    assert shapes["source.wte"] == (2, 6, 20)
    assert shapes["encoder.2.attn.pattern"] == (2, 5, 6, 6)
    assert shapes["encoder.0.mlp.post"] == (2, 6, 36)
    assert shapes["h.1.attn.pattern"] == (2, 5, 4, 4)
    assert shapes["h.1.cross.pattern"] == (2, 5, 4, 6)
    assert shapes["h.0.resid_cross"] == shapes["h.2.cross_out"] == (2, 4, 20)
    assert shapes["logits"] == (2, 4, 61)
    for name in ("h.0.cross.pattern", "encoder.0.attn.pattern"):
        assert seen[name].sum(-1).allclose(torch.ones(()).double(), atol=1e-12)


def test_looking_changes_nothing(model: EncoderDecoder) -> None:
    tap = Keep({})
    with torch.no_grad():
        found = model(TARGET, memory=model.encode(SOURCE, tap=tap), tap=tap)
    torch.testing.assert_close(found, scores(model, SOURCE, TARGET), rtol=0, atol=1e-12)


def test_parameters_are_counted_three_ways() -> None:
    model = EncoderDecoder(SIZE)
    n = sum(parameter.numel() for parameter in model.parameters())
    assert parameter_table(SIZE).total == parameter_count(SIZE) == n
    assert RunShape(model=SIZE, micro_batch=1).parameters == n


def test_the_paper_s_base_has_its_65_million() -> None:
    """Table 3: 65 million with 37,000 tokens."""
    assert round(parameter_count(TransformerConfig()) / 1e6) in range(60, 66)


def test_a_fresh_model_is_not_sure_of_anything() -> None:
    model = EncoderDecoder(SIZE).eval()
    loss = torch.nn.functional.cross_entropy(
        scores(model, SOURCE, TARGET).flatten(0, 1), TARGET.flatten()
    )
    assert abs(float(loss) - math.log(61)) < 0.7


def test_the_same_seed_is_the_same_model() -> None:
    one, same, other = (EncoderDecoder(SIZE, seed=seed) for seed in (1, 1, 2))
    assert torch.equal(one.h[0].cross.c_q.weight, same.h[0].cross.c_q.weight)
    assert not torch.equal(one.h[0].cross.c_q.weight, other.h[0].cross.c_q.weight)


def test_dropout_is_for_training_only() -> None:
    model = EncoderDecoder(SIZE).eval()
    assert torch.equal(scores(model, SOURCE, TARGET), scores(model, SOURCE, TARGET))
    model.train()
    assert not torch.equal(scores(model, SOURCE, TARGET), scores(model, SOURCE, TARGET))


def test_without_a_source_it_says_so(model: EncoderDecoder) -> None:
    with pytest.raises(ConfigError, match="without a source"):
        model(TARGET)
    with pytest.raises(ConfigError, match=r"2 row\(s\) of tokens, but 1 of memory"):
        model(TARGET, memory=model.encode(SOURCE[:1]))


def test_too_long_a_source_or_target(model: EncoderDecoder) -> None:
    long = torch.zeros(2, 25, dtype=torch.long)
    with pytest.raises(ContextLengthError, match="25 tokens"):
        model.encode(long)
    with pytest.raises(ContextLengthError, match="25 tokens"):
        model(long, memory=model.encode(SOURCE))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"n_inner": 0}, "n_inner is 0"),
        ({"n_embd": 15, "n_head": 5}, "n_embd is 15"),
        ({"dropout": 1.0}, "dropout"),
        ({"n_head": 3}, "heads"),
        ({"kind": "gpt2"}, "kind"),
    ],
)
def test_impossible_sizes(fields: dict[str, object], match: str) -> None:
    with pytest.raises(ConfigError, match=match):
        TransformerConfig.from_dict({**SIZE.to_dict(), **fields})


def test_a_recipe_names_it() -> None:
    kind, fields = config_of_kind({"kind": "transformer", "n_layer": 4})
    assert kind is TransformerConfig
    assert fields == {"n_layer": 4}
    assert isinstance(new_model(SIZE), EncoderDecoder)
