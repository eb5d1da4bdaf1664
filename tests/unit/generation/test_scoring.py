"""Scores of texts, against the definition and a plain loop."""

import math
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel
from cutaway.generation.scoring import windows
from cutaway.models import GPT2
from lms import language_model

N_CTX = 12


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=N_CTX)


@given(n_tokens=st.integers(1, 60), n_ctx=st.integers(1, 20), data=st.data())
def test_windows_predict_every_token_once_with_the_context_promised(
    n_tokens: int, n_ctx: int, data: st.DataObject
) -> None:
    stride = data.draw(st.integers(1, n_ctx))
    predicted = list[int]()
    for window in windows(n_tokens, n_ctx=n_ctx, stride=stride):
        assert 0 < window.end - window.start <= n_ctx
        predicted += range(window.first, window.end)
        context = window.first - window.start
        assert window.start == 0 or context >= n_ctx - stride
    assert predicted == list(range(n_tokens))


@given(text=st.text("abc the\u4f60", min_size=1, max_size=40), stride=st.integers(1, N_CTX))
def test_against_a_loop_over_the_tokens(lm: LanguageModel, text: str, stride: int) -> None:
    score = lm.score(text, stride=stride)
    ids = [lm.tokenizer.eot, *lm.encode(text)]
    cuts = {
        i: w.start
        for w in windows(len(ids) - 1, n_ctx=N_CTX, stride=stride)
        for i in range(w.first, w.end)
    }
    with torch.no_grad():
        for i, logprob in enumerate(score.token_logprobs):
            logits = lm.model(torch.tensor([ids[cuts[i] : i + 1]]))[0, -1]
            assert logprob == pytest.approx(float(logits.log_softmax(-1)[ids[i + 1]]), abs=1e-10)


def test_the_numbers_follow_from_the_logprobs(lm: LanguageModel) -> None:
    score = lm.score("the \u4f60")
    assert score.ids == tuple(lm.encode("the \u4f60"))
    assert score.tokens == len(score.ids) == len(score.token_logprobs)
    assert score.n_bytes == 7
    assert score.nll == pytest.approx(-sum(score.token_logprobs))
    assert score.perplexity == pytest.approx(math.exp(score.nll / score.tokens))
    assert score.bits_per_byte == pytest.approx(score.nll / math.log(2) / 7)


def test_ids_are_scored_as_their_text(lm: LanguageModel) -> None:
    assert lm.score(lm.encode("the cat")) == lm.score("the cat")


def test_a_score_agrees_with_generation(lm: LanguageModel) -> None:
    done = lm.generate(seed=3, max_new_tokens=8, logit_bias={lm.tokenizer.eot: -math.inf})
    assert lm.score(done.ids).token_logprobs == pytest.approx(done.logprobs, abs=1e-10)


def test_the_protocol_is_said_in_words(lm: LanguageModel) -> None:
    assert lm.score("abc").protocol == (
        "every token scored, the first after <|endoftext|>; one window of 3 tokens"
    )
    assert lm.score("x" * 30, stride=4).protocol.endswith(
        "windows of 12 tokens, stride 4 (at least 8 tokens of context past the first window)"
    )
    assert lm.score("x" * 30).stride == 6


@pytest.mark.parametrize("stride", [0, -1, N_CTX + 1, 1.5, True])
def test_an_impossible_stride(lm: LanguageModel, stride: int) -> None:
    with pytest.raises(ConfigError, match=f"stride is {stride!r}"):
        lm.score("the", stride=stride)


def test_nothing_to_score(lm: LanguageModel) -> None:
    with pytest.raises(ConfigError, match="empty"):
        lm.score("")
