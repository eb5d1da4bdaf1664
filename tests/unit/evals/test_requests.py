"""The three requests of lm-evaluation-harness against the plain way of answering them."""

from collections.abc import Callable, Iterator

import pytest
import torch

from cutaway.errors import ConfigError, ContextLengthError
from cutaway.evals.requests import continuation_scores, text_logprobs, written_texts
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from engines import FakeEngine
from lms import language_model


@pytest.fixture
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=24, dtype=torch.float32)


def greedy_and_logprob(
    lm: LanguageModel, before: list[int], after: list[int]
) -> tuple[float, bool]:
    """Token by token, as the harness's own models do it, with at most a context of tokens read."""
    n_vocab = lm.tokenizer.vocab_size
    ids, total, is_greedy = list(before), 0.0, True
    for token in after:
        with torch.inference_mode():
            logits = lm.model(torch.tensor([ids]))[0, -1, :n_vocab].double()
        total += float(logits.log_softmax(0)[token])
        is_greedy &= int(logits.argmax()) == token
        ids.append(token)
    return total, is_greedy


@pytest.mark.parametrize("begin", [False, True])
def test_continuations(lm: LanguageModel, begin: bool) -> None:
    eot = lm.tokenizer.eot
    pairs = [("in the", " thing"), ("the", ""), ("a", "an"), ("the ", "end"), ("", "in the end")]
    found = list(continuation_scores(lm, pairs, begin=begin))
    split = [("in the", " thing"), ("the", ""), ("a", "an"), ("the", " end"), ("", "in the end")]
    for (before, after), score in zip(split, found, strict=True):
        start = [eot] if begin or not before else []
        n_before = len(lm.encode(before))
        whole = lm.encode(before + after)
        logprob, is_greedy = greedy_and_logprob(lm, [*start, *whole[:n_before]], whole[n_before:])
        assert score.logprob == pytest.approx(logprob, abs=1e-4)
        assert score.is_greedy == is_greedy


def test_a_greedy_continuation_is_known_as_one(lm: LanguageModel) -> None:
    ids = lm.encode("in the")
    written = lm.generate(ids, temperature=0, max_new_tokens=3, stop_ids=())
    text = lm.decode(written.ids)
    assert lm.encode("in the" + text) == [*ids, *written.ids]
    [score] = continuation_scores(lm, [("in the", text)])
    assert score.is_greedy


def test_long_contexts_lose_their_beginning(lm: LanguageModel) -> None:
    [long, short] = continuation_scores(lm, [("x" * 90, "y"), ("x" * 24, "y")])
    assert long.logprob == pytest.approx(short.logprob, abs=1e-5)
    with pytest.raises(ContextLengthError, match="30 tokens are to be predicted"):
        list(continuation_scores(lm, [("x", "y" * 30)]))


def harness_windows(ids: list[int], eot: int, n_ctx: int) -> Iterator[tuple[list[int], list[int]]]:
    """Read and predicted ids as ``get_rolling_token_windows`` of the harness tells: windows that
    do not overlap, but for the last one, which is full."""
    all_ids = [eot, *ids]
    for start in range(0, len(ids), n_ctx):
        end = min(start + n_ctx, len(ids))
        begin = max(min(start, end - n_ctx), 0) if start else 0
        yield all_ids[begin : start + 1], ids[start:end]


@pytest.mark.parametrize("n_letters", [0, 5, 24, 25, 60])
def test_whole_texts_in_windows_that_do_not_overlap(lm: LanguageModel, n_letters: int) -> None:
    text = ("xyzw" * 20)[:n_letters]
    ids = lm.encode(text)
    assert len(ids) == n_letters
    windows = list(harness_windows(ids, lm.tokenizer.eot, 24))
    assert [token for _, predicted in windows for token in predicted] == ids
    expected = sum(greedy_and_logprob(lm, *window)[0] for window in windows)
    other, found = text_logprobs(lm, ["a", text])
    assert found == pytest.approx(expected, abs=1e-3)
    assert other == pytest.approx(-lm.score("a").nll, abs=1e-4)


def test_whole_texts_in_windows_that_overlap(lm: LanguageModel) -> None:
    text = "in the thing " * 9
    [found] = text_logprobs(lm, [text], stride=6)
    assert found == pytest.approx(-lm.score(text, stride=6).nll, rel=1e-4)
    with pytest.raises(ConfigError, match="stride is 0"):
        text_logprobs(lm, [text], stride=0)


def test_texts_are_greedy_and_end_at_their_stop(lm: LanguageModel) -> None:
    plain = lm.generate("in the", temperature=0, max_new_tokens=8).text
    stop = plain[3]
    requests = [
        ("in the", {"until": [stop], "max_gen_toks": 8}),
        ("", {"max_gen_toks": 4, "do_sample": False, "temperature": 0.7}),
        ("in the", {"until": [], "max_new_tokens": 8}),
        ("x" * 90, {"until": "\n\n", "max_gen_toks": 8}),
    ]
    found = written_texts(lm, requests)
    assert found[0] == plain[: plain.index(stop)]
    assert found[1] == lm.generate("", temperature=0, max_new_tokens=4).text
    assert found[2] == plain
    kept = lm.encode("x" * 90)[-16:]
    expected = lm.generate(kept, temperature=0, max_new_tokens=8, stop="\n\n").text
    assert found[3] == expected
    [begun] = written_texts(lm, [("in", {"max_gen_toks": 4})], begin=True)
    ids = [lm.tokenizer.eot, *lm.encode("in")]
    assert begun == lm.generate(ids, temperature=0, max_new_tokens=4).text


def test_drawn_texts_differ_where_a_request_is_repeated(lm: LanguageModel) -> None:
    asked = ("in", {"do_sample": True, "max_gen_toks": 12, "top_p": 0.99})
    found = written_texts(lm, [asked, asked, ("the", {"max_gen_toks": 4}), asked], seed=3)
    assert len({found[0], found[1], found[3]}) == 3
    assert found == written_texts(lm, [asked, asked, ("the", {"max_gen_toks": 4}), asked], seed=3)
    assert found != written_texts(lm, [asked, asked, ("the", {"max_gen_toks": 4}), asked], seed=4)


def test_what_cannot_be_asked_for(lm: LanguageModel) -> None:
    with pytest.raises(ConfigError, match=r"'untill'[\s\S]*until"):
        written_texts(lm, [("in", {"untill": ["x"]})])
    with pytest.raises(ConfigError, match="256 new tokens, and the model has 24 positions"):
        written_texts(lm, [("in", {})])


def test_an_engine_answers_too(lm: LanguageModel) -> None:
    def never() -> GPT2:
        raise AssertionError("the readable model was asked for")

    engine = FakeEngine(lm.model)
    other = LanguageModel(never, lm.tokenizer, engine=engine)  # type: ignore[arg-type]
    pairs = [("in the", " thing"), ("", "an end")]
    for ours, theirs in zip(
        continuation_scores(other, pairs), continuation_scores(lm, pairs), strict=True
    ):
        assert ours.logprob == pytest.approx(theirs.logprob, abs=1e-4)
    assert text_logprobs(other, ["the end"]) == pytest.approx(text_logprobs(lm, ["the end"]))
    asked = [("in", {"max_gen_toks": 4})]
    assert written_texts(other, asked) == written_texts(lm, asked)
