"""The engine computes what the readable model does, and a row's bits are its own."""

import math
import random
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import Tensor

from cutaway.engine import Engine, Format, Piece
from cutaway.engine.engine import EngineConfig
from cutaway.errors import ConfigError, ContextLengthError, ResourceError, TokenizerError
from cutaway.generation.filters import log_softmax
from cutaway.models import GPT2, Decoder, GPT2Config, ModernConfig, new_model
from cutaway.numbers import Bits, quantize, to_array, to_tensor
from unit.engine.conftest import (
    FORMATS,
    MUSIC,
    NARROW_INSIDE,
    NO_DISTANCES,
    ODD,
    ODD_MUSIC,
    SIZE,
)

Make = Callable[..., Engine]
Enliven = Callable[..., Decoder]

SIZES = {
    "whole lanes": SIZE,
    "odd sizes": ODD,
    "distances": MUSIC,
    "odd distances": ODD_MUSIC,
    "no distances": NO_DISTANCES,
    "a stream wider than the MLP": NARROW_INSIDE,
}
of_any_size = pytest.mark.parametrize("config", SIZES.values(), ids=SIZES.keys())
larger = pytest.mark.parametrize("config", [SIZE, MUSIC], ids=["gpt2", "distances"])

# The mean Kullback-Leibler divergence, in nats, that a format may cost beside its own weights.
MOST = {
    "float32": 1e-9,
    "bfloat16": 5e-4,
    "int8": 3e-3,
    "int4": 3e-3,
    "int8_weight_only": 1e-4,
}


def some_ids(n: int, *, seed: int = 0, n_vocab: int = SIZE.vocab_size) -> list[int]:
    choose = random.Random(seed)
    return [choose.randrange(n_vocab) for _ in range(n)]


def expected(model: Decoder, ids: list[int]) -> Tensor:
    with torch.inference_mode():
        return model(torch.tensor([ids]))[0]


def rounded(weight: Tensor, bits: Bits) -> Tensor:
    return to_tensor(quantize(to_array(weight), bits).dequantized())


def as_held(model: Decoder, format: Format) -> Decoder:
    """A readable model whose weights are those that an engine of this format holds."""
    bits = {"int8": 8, "int8_weight_only": 8, "int4": 4}.get(format)
    held = new_model(model.config).eval()
    state = {}
    for name, weight in model.state_dict().items():
        if bits and name == "wte.weight":
            state[name] = rounded(weight, bits)
        elif bits and ".c_" in name and weight.ndim == 2:
            state[name] = rounded(weight.T, bits).T
        else:
            state[name] = weight
    held.load_state_dict(state)
    return held


def divergence(p: Tensor, q: Tensor) -> float:
    p, q = p.double().log_softmax(-1), q.double().log_softmax(-1)
    return float((p.exp() * (p - q)).sum(-1).mean())


@of_any_size
@pytest.mark.parametrize("format", FORMATS)
def test_it_computes_what_the_readable_model_does(
    enliven: Enliven, engine_of: Make, format: Format, config: EngineConfig
) -> None:
    model = enliven(new_model(config), seed=1).eval()
    ids = some_ids(config.n_ctx, n_vocab=config.vocab_size)
    engine = engine_of(model, format)
    logits = to_tensor(engine.read([Piece(engine.new_text(), ids, len(ids))]))
    reference = expected(as_held(model, format), ids)
    assert divergence(reference, logits) < MOST[format]
    if format == "float32":
        torch.testing.assert_close(logits, reference, rtol=1e-4, atol=1e-4)


@larger
@pytest.mark.parametrize("level", ["native", "any"])
@pytest.mark.parametrize("format", FORMATS)
def test_a_row_has_the_same_bits_whatever_is_read_with_it(
    enliven: Enliven, engine_of: Make, format: Format, level: str, config: EngineConfig
) -> None:
    model = enliven(new_model(config), seed=2)
    engine = engine_of(model, format, level=level)
    ids = some_ids(140)
    alone = engine.read([Piece(engine.new_text(), ids, len(ids))])
    choose = random.Random(3)
    for _ in range(6):
        text, others = engine.new_text(), [engine.new_text() for _ in range(choose.randrange(4))]
        rows, at = [], 0
        while at < len(ids):
            n = min(choose.choice([1, 1, 2, 3, 7, 13, 40]), len(ids) - at)
            pieces = [
                Piece(other, some_ids(choose.randrange(1, 9), seed=at))
                for other in others
                if other.length < 130
            ]
            place = choose.randrange(len(pieces) + 1)
            pieces.insert(place, Piece(text, ids[at : at + n], n))
            rows.append(engine.read(pieces)[place : place + n])
            at += n
        assert np.array_equal(np.concatenate(rows), alone)


@of_any_size
@pytest.mark.parametrize("format", FORMATS)
def test_a_row_of_a_large_batch_has_the_bits_it_has_alone(
    enliven: Enliven, engine_of: Make, format: Format, config: EngineConfig
) -> None:
    engine = engine_of(enliven(new_model(config), seed=9), format, cache_bytes=10**8)
    prompts = [some_ids(1 + i % 37, seed=i, n_vocab=config.vocab_size) for i in range(70)]
    alone = [engine.read([Piece(engine.new_text(), ids)])[0] for ids in prompts]
    for n in (3, 8, 17, 32, 33, 64, 70):
        texts = [engine.new_text() for _ in range(n)]
        begun = [i for i in range(n) if len(prompts[i]) > 1]
        engine.read([Piece(texts[i], prompts[i][:-1], 0) for i in begun])
        rows = engine.read([Piece(text, prompts[i][-1:]) for i, text in enumerate(texts)])
        assert np.array_equal(rows, np.stack(alone[:n]))


@larger
@pytest.mark.parametrize("format", FORMATS)
def test_the_number_of_threads_changes_no_bit(
    enliven: Enliven, engine_of: Make, format: Format, config: EngineConfig
) -> None:
    model, ids = enliven(new_model(config), seed=4), some_ids(90)
    results = []
    for threads in (1, 2, 3):
        engine = engine_of(model, format, threads=threads)
        results.append(engine.read([Piece(engine.new_text(), ids, len(ids))]))
    assert np.array_equal(results[0], results[1])
    assert np.array_equal(results[0], results[2])


def test_texts_that_fork_go_on_by_themselves(enliven: Enliven, engine_of: Make) -> None:
    engine = engine_of(enliven(GPT2(SIZE), seed=5), "int8")
    start, one, other = some_ids(45), some_ids(40, seed=1), some_ids(40, seed=2)
    text = engine.new_text()
    engine.read([Piece(text, start)])
    fork = text.fork()
    both = engine.read([Piece(text, one, 40), Piece(fork, other, 40)])
    for rows, ids in ((both[:40], one), (both[40:], other)):
        again = engine.read([Piece(engine.new_text(), start + ids, 40)])
        assert np.array_equal(rows, again)
    fork.close()
    text.truncate(45)
    assert np.array_equal(engine.read([Piece(text, one, 40)]), both[:40])


@pytest.mark.parametrize("format", ["float32", "int8"])
def test_given_tokens_are_scored_as_their_logits_say(
    enliven: Enliven, engine_of: Make, format: Format
) -> None:
    config = GPT2Config(vocab_size=2301, n_ctx=700, n_embd=96, n_layer=1, n_head=4)
    engine = engine_of(enliven(GPT2(config), seed=6), format)
    ids = some_ids(650, n_vocab=2301)
    targets = some_ids(600, seed=1, n_vocab=2301)
    logits = engine.read([Piece(engine.new_text(), ids, 600)]).astype(np.float64)
    wanted = log_softmax(logits)[np.arange(600), targets]
    scores = engine.score([Piece(engine.new_text(), ids, 600)], targets)
    np.testing.assert_allclose(scores, wanted, rtol=0, atol=1e-6)
    text = engine.new_text()
    engine.read([Piece(text, ids[:100], 0)])
    parts = [engine.score([Piece(text, ids[100:233], 133)], targets[50:183])]
    parts.append(engine.score([Piece(text, ids[233:], 417)], targets[183:]))
    assert np.array_equal(np.concatenate(parts), scores[50:])


@pytest.mark.parametrize("n", [1, 5, 16, 37, 1024, 2301])
def test_sums_of_exponentials(enliven: Enliven, engine_of: Make, n: int) -> None:
    engine = engine_of(enliven(GPT2(ODD), seed=1), "float32")
    rows = 9 * np.random.default_rng(n).standard_normal((3, n + 2), dtype=np.float32)
    rows[1, 0], rows[2, : n // 2] = 90.0, -np.inf
    exact = [math.log(sum(math.exp(x - 90) for x in row[:n])) + 90 for row in rows.tolist()]
    np.testing.assert_allclose(engine.log_sums(rows[:, :n]), exact, rtol=1e-6, atol=1e-6)


def test_what_cannot_be_read_is_refused_and_changes_nothing(
    enliven: Enliven, engine_of: Make
) -> None:
    model = enliven(GPT2(SIZE), seed=7)
    small = Engine(SIZE, format="int8", threads=1, cache_bytes=10**6)
    engine = engine_of(model, "int8", cache_bytes=3 * small.block_bytes)
    text = engine.new_text()
    engine.read([Piece(text, some_ids(60))])
    with pytest.raises(ContextLengthError, match="151 tokens, but this model has 150"):
        engine.read([Piece(text, some_ids(91))])
    with pytest.raises(ResourceError, match="2 more blocks of 32 tokens"):
        engine.read([Piece(text, some_ids(60))])
    with pytest.raises(ResourceError):
        engine.read([Piece(engine.new_text(), some_ids(30)), Piece(text, some_ids(10))])
    with pytest.raises(TokenizerError, match="Token id 301 is outside"):
        engine.read([Piece(text, [3, 301])])
    with pytest.raises(ConfigError, match="2 logits of 1 tokens"):
        engine.read([Piece(text, [3], 2)])
    with pytest.raises(ConfigError, match="1 targets for 2 tokens"):
        engine.score([Piece(text, [3, 4], 2)], [1])
    assert text.length == 60
    assert engine.pool.n_free == 1
    with pytest.raises(ConfigError, match="Did you mean 'int8'"):
        Engine(SIZE, format="int9")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="holds no text"):
        Engine(SIZE, format="int8", cache_bytes=10)
    with pytest.raises(ConfigError, match="threads is 0"):
        Engine(SIZE, format="int8", threads=0)
    with pytest.raises(ConfigError, match="one of 7 positions"):
        Engine(replace(MUSIC, window=7), format="int8")
    with pytest.raises(ConfigError, match="kind 'modern'"):
        Engine(ModernConfig(), format="int8")  # type: ignore[arg-type]


def test_a_quantized_weight_is_held_as_it_is(enliven: Enliven, engine_of: Make) -> None:
    model = enliven(GPT2(SIZE), seed=8)
    engine, other = engine_of(model, "int8"), engine_of(model, "int8")
    for name, weight in model.state_dict().items():
        if name == "wte.weight":
            other.fill(name, quantize(to_array(weight), 8))
        elif ".c_" in name and weight.ndim == 2:
            other.fill(name, quantize(to_array(weight.T), 8))
    ids = some_ids(20)
    assert np.array_equal(
        engine.read([Piece(engine.new_text(), ids, 20)]),
        other.read([Piece(other.new_text(), ids, 20)]),
    )
