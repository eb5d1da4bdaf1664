"""Summaries: what the model reads, what is taken of what it writes, and texts that do not fit."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from cutaway.apps.summarization import TLDR, Summarizer, Summary
from cutaway.data.task import TaskFormat
from cutaway.errors import (
    ConfigError,
    ContextLengthError,
    CutawayError,
    DataError,
    TokenizerError,
)
from cutaway.generation import LanguageModel
from cutaway.models import (
    GPT2,
    EncoderDecoder,
    GPT2Config,
    TransformerConfig,
    TransformerDecoder,
    TransformerDecoderConfig,
)
from lms import byte_tokenizer, language_model

FORMAT = TaskFormat(task="summarization", marker="<sum>", loss="both")


@pytest.fixture
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=40)


@pytest.fixture
def taught(enliven: Callable[..., TransformerDecoder]) -> LanguageModel:
    """A Transformer-Decoder with a marker."""
    tokenizer = byte_tokenizer().with_specials(["<sum>"])
    size = TransformerDecoderConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=40, n_embd=20, n_layer=3, n_head=5, block=7
    )
    return LanguageModel(enliven(TransformerDecoder(size)).double(), tokenizer, task=FORMAT)


def made(lm: LanguageModel, **settings: Any) -> Summarizer:
    return Summarizer(lm, **{"max_tokens": 12, "seed": 3, **settings})


def test_any_model_is_asked_with_tldr(lm: LanguageModel) -> None:
    summary = made(lm)("  the thing in\n")
    wanted = lm.generate(f"the thing in{TLDR}", max_new_tokens=12, top_k=2, seed=3)
    assert wanted.text.strip().startswith(summary.text[:4])
    n = len(lm.encode("the thing in"))
    assert (summary.n_tokens, summary.n_read, summary.parts) == (n, n, 1)
    assert made(lm, seed=4)("the thing in").text != summary.text
    for part in ("TL;DR:", "12 tokens", "2 likeliest", "seed 3", "first 3 sentences", "refused"):
        assert part in made(lm).protocol


def test_three_sentences_are_taken(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch, taught: LanguageModel
) -> None:
    monkeypatch.setattr(LanguageModel, "generate", written("\n One. Two!\n\nThree? Four. Fi"))
    assert made(lm)("the").text == "One. Two! Three?"
    assert made(taught, beams=1)("the").text == "One. Two!\n\nThree? Four. Fi"


def written(text: str) -> Callable[..., list[Any]]:
    class Written:
        finish_reason = "length"

        def __init__(self) -> None:
            self.text = text

    return lambda _, prompts, **settings: [Written() for _ in prompts]


@pytest.mark.parametrize("beams", [1, 3])
def test_a_taught_model_goes_on_behind_its_marker(taught: LanguageModel, beams: int) -> None:
    summarizer = made(taught, beams=beams)
    prompt = FORMAT.prompt_ids(taught.tokenizer, "the thing in")
    wanted = taught.generate(prompt, max_new_tokens=12, temperature=0.0, no_repeat_ngram=3)
    if beams > 1:
        how = {"beams": beams, "length_penalty": 0.6, "max_new_tokens": 12, "no_repeat_ngram": 3}
        wanted = taught.search([prompt], end="likely", **how)[0][0]  # type: ignore[arg-type]
    summary = summarizer("the thing in")
    assert summary.text == wanted.text.strip()
    assert summary.ended == (wanted.finish_reason == "end_of_text")
    told = f"{beams} beams" if beams > 1 else "the likeliest token always"
    assert told in summarizer.protocol
    assert "no 3 tokens twice" in summarizer.protocol


def test_it_repeats_itself_where_it_may(taught: LanguageModel) -> None:
    prompt = FORMAT.prompt_ids(taught.tokenizer, "the thing in")
    for n in (0, 1):
        wanted = taught.generate(prompt, max_new_tokens=12, temperature=0.0, no_repeat_ngram=n)
        assert made(taught, beams=1, no_repeat=n)("the thing in").text == wanted.text.strip()
    assert "twice" not in made(taught, no_repeat=0).protocol
    assert made(taught, no_repeat=1).config.no_repeat_ngram == 1


def test_a_text_that_looks_like_a_marker_is_none(taught: LanguageModel) -> None:
    """Its characters are read as text: one marker alone is behind it."""
    seen: list[list[int]] = []
    summarizer = made(taught, beams=1)
    real = taught.generate
    taught.generate = lambda prompts, **s: seen.extend(prompts) or real(prompts, **s)  # type: ignore
    summarizer("a <sum> b")
    assert seen[0].count(taught.tokenizer.special("<sum>")) == 1


def test_a_text_of_a_batch_is_summarised_as_if_alone(lm: LanguageModel) -> None:
    texts = ["the thing", " ", "an anthem in the", "x" * 60, "the thing"]
    together = made(lm).attempts(texts)
    kinds = [type(one) for one in together]
    assert kinds == [Summary, DataError, Summary, ContextLengthError, Summary]
    assert together[2] == made(lm)(texts[2])
    assert together[0] == together[4]
    assert made(lm).attempts([]) == []


def test_a_text_that_does_not_fit_is_refused_with_the_numbers(lm: LanguageModel) -> None:
    behind = len(lm.encode(TLDR))
    room = 40 - 12 - behind
    assert made(lm)("x" * room).n_read == room
    message = f"{room + 1} tokens, and beside 12 of summary .* {room} in .* 40 pos"
    with pytest.raises(ContextLengthError, match=rf"{message}(.|\n)*--cut.*--chunk"):
        made(lm)("x" * (room + 1))


def test_or_cut(lm: LanguageModel) -> None:
    room = made(lm).room
    long, short = made(lm, too_long="cut")("x" * 70), made(lm)("x" * room)
    assert (long.text, long.n_tokens, long.n_read) == (short.text, 70, room)
    assert f"the first {room} tokens" in made(lm, too_long="cut").protocol


def test_or_read_in_parts_that_end_with_sentences(lm: LanguageModel) -> None:
    summarizer = made(lm, too_long="chunk")
    text = "Aaaaaaaa. Bbbbb. Ccccccccc. " + "D" * 50 + ". Ee."
    parts = [lm.decode(ids) for ids in summarizer._parts(text)]
    room = summarizer.room
    assert parts[:2] == ["Aaaaaaaa. Bbbbb.", "Ccccccccc."]
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert all(len(lm.encode(part)) <= room for part in parts)
    assert parts[-1].endswith(". Ee.")
    summary = summarizer(text)
    assert (summary.parts, summary.n_read) == (len(parts), summary.n_tokens)
    alone = [made(lm)(part).text for part in parts]
    assert summary.text == " ".join(filter(None, alone))


def test_what_leaves_no_room_is_refused(lm: LanguageModel, taught: LanguageModel) -> None:
    with pytest.raises(ConfigError, match=r"39 tokens of summary .* leave no room"):
        made(lm, max_tokens=39)
    with pytest.raises(ConfigError, match="too_long is 'fold'"):
        made(lm, too_long="fold")
    lm.task = FORMAT
    with pytest.raises(TokenizerError, match="<sum>"):
        made(lm)
    assert made(taught, max_tokens=38).room == 1


def test_a_model_that_was_taught_to_translate_is_refused(taught: LanguageModel) -> None:
    taught.task = replace(FORMAT, task="translation")
    with pytest.raises(ConfigError, match=r"taught translation.*\n.*cutaway translate"):
        made(taught)
    taught.task = replace(FORMAT, task="pairs")
    assert made(taught).format == taught.task


def test_an_encoder_has_the_whole_context_for_the_text(
    enliven: Callable[..., EncoderDecoder],
) -> None:
    tokenizer = byte_tokenizer().with_specials(["<sum>"])
    size = TransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=40, n_embd=20, n_layer=1, n_head=5, n_inner=40
    )
    model = enliven(EncoderDecoder(size))
    lm = LanguageModel(model, tokenizer, task=FORMAT)
    summarizer = made(lm, beams=2)
    assert summarizer.room == 39
    text = "the thing in " * 3
    prompt = [*lm.encode(text.strip()), tokenizer.eot, tokenizer.special("<sum>")]
    how = {"beams": 2, "length_penalty": 0.6, "max_new_tokens": 12, "no_repeat_ngram": 3}
    wanted = lm.search([prompt], end="likely", **how)[0][0]  # type: ignore[arg-type]
    assert summarizer(text).text == wanted.text.strip()


def test_a_model_without_a_vocabulary_cannot(enliven: Callable[..., GPT2]) -> None:
    size = GPT2Config(vocab_size=9, n_ctx=40, n_embd=4, n_layer=1, n_head=2)
    with pytest.raises(CutawayError, match="without a tokenizer"):
        Summarizer(LanguageModel(enliven(GPT2(size))))
