"""Bits per byte, against models whose answer is known."""

import json
import math
from collections.abc import Callable

import pytest
import torch

from cutaway.errors import ConfigError, DataError
from cutaway.evals import bits_per_byte
from cutaway.models import GPT2, GPT2Config
from cutaway.tokenizers import Tokenizer
from lms import byte_tokenizer, language_model


def uniform_model(vocab_size: int, n_ctx: int = 16) -> GPT2:
    """Every token is as probable as any other: all embeddings are zero."""
    model = GPT2(GPT2Config(vocab_size=vocab_size, n_ctx=n_ctx, n_embd=8, n_layer=1, n_head=2))
    with torch.no_grad():
        model.wte.weight.zero_()
    return model.eval()


def bytes_only() -> Tokenizer:
    return Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})


def test_a_uniform_model_needs_the_logarithm_of_its_vocabulary() -> None:
    sources = {"a": ["hello", "\u4f60\u597d" * 20], "b": ["x"]}
    found = bits_per_byte(uniform_model(257), bytes_only(), sources)
    for part in [*found.sources.values(), found.total]:
        assert part.tokens == part.n_bytes  # every byte is a token here
        assert part.bits_per_byte == pytest.approx(math.log2(257), rel=1e-6)
        assert part.loss == pytest.approx(math.log(257), rel=1e-6)
    assert found.sources["a"].n_bytes == 5 + 120
    assert (found.total.documents, found.total.n_bytes) == (3, 126)


def test_tokens_of_several_bytes_share_their_bits() -> None:
    tokenizer = byte_tokenizer()
    text = "the thing in the"
    n_tokens = len(tokenizer.encode(text))
    assert n_tokens < len(text)
    found = bits_per_byte(uniform_model(tokenizer.vocab_size), tokenizer, {"s": [text]})
    expected = n_tokens * math.log2(tokenizer.vocab_size) / len(text)
    assert found.total.bits_per_byte == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("stride", [None, 1, 7, 24])
def test_it_is_the_score_of_each_document(enliven: Callable[..., GPT2], stride: int | None) -> None:
    lm = language_model(enliven, dtype=torch.float32)
    texts = ["the thing", "a", "\u4f60\u597d, in the " * 9, "an end" * 11]
    found = bits_per_byte(lm.model, lm.tokenizer, {"s": iter(texts)}, stride=stride)
    scores = [lm.score(text, stride=stride) for text in texts]
    assert found.total.nll == pytest.approx(sum(score.nll for score in scores), rel=1e-5)
    assert found.total.tokens == sum(score.tokens for score in scores)
    assert found.total.n_bytes == sum(score.n_bytes for score in scores)


def test_limit_takes_the_first_documents_of_each_source() -> None:
    sources = {"a": iter(["one", "two", "three"]), "b": iter(["four"])}
    found = bits_per_byte(uniform_model(257), bytes_only(), sources, limit=2)
    assert [part.documents for part in found.sources.values()] == [2, 1]
    assert "the first 2 documents" in found.protocol


def test_the_result_is_json_and_states_its_protocol() -> None:
    found = bits_per_byte(uniform_model(257), bytes_only(), {"a": ["text"]}, stride=4)
    fields = json.loads(json.dumps(found.to_dict()))
    assert fields["sources"]["a"]["bytes"] == 4
    assert fields["total"]["bits_per_byte"] == found.total.bits_per_byte
    assert "windows of 16 tokens, stride 4" in fields["protocol"]


def test_nothing_to_measure_is_an_error() -> None:
    with pytest.raises(DataError, match="'empty' has no text"):
        bits_per_byte(uniform_model(257), bytes_only(), {"empty": []})
    with pytest.raises(DataError, match="No text"):
        bits_per_byte(uniform_model(257), bytes_only(), {})
    with pytest.raises(ConfigError, match="stride is 0"):
        bits_per_byte(uniform_model(257), bytes_only(), {"a": ["text"]}, stride=0)
