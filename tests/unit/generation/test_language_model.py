"""Text in, text out: what comes back for which prompt, and what bad input gets."""

import math
from collections.abc import Callable, Iterator

import pytest
import torch

from cutaway.errors import ConfigError, ContextLengthError, CutawayError, TokenizerError
from cutaway.generation import Completion, GenerationConfig, LanguageModel
from cutaway.generation.rows import Rows
from cutaway.models import GPT2, GPT2Config
from lms import byte_tokenizer, ids_only, language_model

N_CTX = 24


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=N_CTX)


@pytest.fixture(scope="module")
def bare(enliven: Callable[..., GPT2]) -> LanguageModel:
    return ids_only(enliven, vocab_size=11)


def scripted(monkeypatch: pytest.MonkeyPatch, lm: LanguageModel, ids: list[int]) -> Iterator[None]:
    """Makes the model write ``ids`` whatever it would choose."""
    chosen = iter(ids)
    monkeypatch.setattr(
        "cutaway.generation.decode.choose", lambda logits, history, config, key: next(chosen)
    )


class TestShapeOfTheResult:
    def test_one_prompt_is_one_completion(self, lm: LanguageModel) -> None:
        done = lm.generate("the", max_new_tokens=3, seed=1)
        assert isinstance(done, Completion)
        assert (done.prompt, done.index, done.seed) == ("the", 0, 1)
        assert done.prompt_ids == tuple(lm.encode("the"))
        assert len(done.ids) == len(done.logprobs) == 3
        assert done.top_logprobs is None

    def test_lists(self, lm: LanguageModel) -> None:
        assert len(lm.generate("a", n=2, max_new_tokens=1)) == 2
        assert [c.prompt for c in lm.generate(["a", "b"], max_new_tokens=1)] == ["a", "b"]
        nested = lm.generate(["a", "b", "c"], n=2, max_new_tokens=1)
        assert [[c.index for c in group] for group in nested] == [[0, 1]] * 3
        assert len(lm.generate(["a"], max_new_tokens=1)) == 1

    def test_ids_are_a_prompt_too(self, lm: LanguageModel) -> None:
        by_text = lm.generate("the", max_new_tokens=5, seed=1)
        assert lm.generate(lm.encode("the"), max_new_tokens=5, seed=1) == by_text
        assert lm.generate(tuple(lm.encode("the")), max_new_tokens=5, seed=1) == by_text
        both = lm.generate([lm.encode("the"), "the"], max_new_tokens=5, seed=1)
        assert [done.ids for done in both] == [by_text.ids, by_text.ids]

    def test_nothing_starts_from_the_end_of_text(self, lm: LanguageModel) -> None:
        done = lm.generate(max_new_tokens=2)
        assert (done.prompt, done.prompt_ids) == ("", (lm.tokenizer.eot,))

    def test_a_fresh_seed_is_reported(self, lm: LanguageModel) -> None:
        done = lm.generate("the", max_new_tokens=8)
        assert done.seed is not None
        assert lm.generate("the", max_new_tokens=8, seed=done.seed) == done
        assert lm.generate("the", max_new_tokens=8).seed != done.seed

    def test_settings_by_name_replace_those_of_the_config(self, lm: LanguageModel) -> None:
        config = GenerationConfig(max_new_tokens=9, temperature=0)
        assert len(lm.generate("the", config=config).ids) == 9
        assert len(lm.generate("the", config=config, max_new_tokens=2).ids) == 2


class TestEnds:
    def test_at_the_end_of_text(self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        scripted(monkeypatch, lm, [97, lm.tokenizer.eot, 98])
        done = lm.generate("the")
        assert (done.text, done.ids) == ("a", (97, lm.tokenizer.eot))
        assert done.finish_reason == "end_of_text"

    def test_at_a_stop_id(self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch) -> None:
        scripted(monkeypatch, lm, [97, 98, 99])
        done = lm.generate("the", stop_ids=[98])
        assert (done.text, done.finish_reason) == ("a", "stop")

    def test_at_a_stop_string_across_tokens(
        self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted(monkeypatch, lm, [*b"one. Tw", *b"o."])
        events = list(lm.stream("the", stop=". Two", max_new_tokens=20))
        assert [event.text for event in events] == ["o", "n", "e", "", "", "", "", ""]
        assert events[-1].completion is not None
        assert events[-1].completion.text == "one"
        assert events[-1].finish_reason == "stop"

    def test_what_only_began_a_stop_string_is_not_lost(
        self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted(monkeypatch, lm, [*b"ab."])
        events = list(lm.stream("the", stop="..", max_new_tokens=3))
        assert [event.text for event in events] == ["a", "b", "."]

    def test_whole_characters_only(
        self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scripted(monkeypatch, lm, [*"\u4f60".encode(), *"\U0001f600".encode()[:2]])
        events = list(lm.stream("the", max_new_tokens=5))
        assert [event.text for event in events] == ["", "", "\u4f60", "", "\ufffd"]
        assert [event.ids for event in events[:2]] == [(0xE4,), (0xBD,)]

    def test_a_full_context_ends_an_unbounded_text(self, lm: LanguageModel) -> None:
        done = lm.generate([97] * 20, logit_bias={lm.tokenizer.eot: -math.inf})
        assert (len(done.ids), done.finish_reason) == (4, "context")


class TestLogprobs:
    def test_they_are_of_the_model_before_any_filter(self, lm: LanguageModel) -> None:
        done = lm.generate(
            "the", seed=2, max_new_tokens=6, top_k=3, temperature=0.5, logit_bias={97: 4.0}
        )
        ids = [*done.prompt_ids, *done.ids]
        with torch.no_grad():
            expected = lm.model(torch.tensor([ids[:-1]]))[0].log_softmax(-1)
        for i, (token, logprob) in enumerate(zip(done.ids, done.logprobs, strict=True)):
            at = len(done.prompt_ids) - 1 + i
            assert logprob == pytest.approx(float(expected[at, token]), abs=1e-10)

    def test_the_likeliest_are_reported_when_asked(self, lm: LanguageModel) -> None:
        done = lm.generate("the", temperature=0, max_new_tokens=4, logprobs=3)
        assert done.top_logprobs is not None
        for token, logprob, top in zip(done.ids, done.logprobs, done.top_logprobs, strict=True):
            assert (top[0].id, top[0].logprob) == (token, logprob)  # the same float
            assert [c.rank for c in top] == [1, 2, 3]
            assert top[0].prob > top[1].prob > top[2].prob
            assert top[0].bytes == lm.tokenizer.token_bytes(token)

    def test_none_of_them_can_be_asked_for(self, lm: LanguageModel) -> None:
        assert lm.generate("the", max_new_tokens=2, logprobs=0).top_logprobs == ((), ())


class TestNextTokens:
    def test_candidates_and_the_mass_of_the_rest(self, lm: LanguageModel) -> None:
        with torch.no_grad():
            logits = lm.model(torch.tensor([lm.encode("the")]))[0, -1]
        order = logits.argsort(descending=True)
        found = lm.next_tokens("the", k=5)
        assert [c.id for c in found.candidates] == order[:5].tolist()
        assert [c.rank for c in found.candidates] == [1, 2, 3, 4, 5]
        assert found.rest_mass == pytest.approx(float(logits.softmax(-1)[order[5:]].sum()))
        best = found.candidates[0]
        assert best.logit == pytest.approx(float(logits[best.id]))
        assert math.exp(best.logprob) == pytest.approx(best.prob)
        assert best.text == lm.decode([best.id])

    def test_all_of_them(self, lm: LanguageModel) -> None:
        found = lm.next_tokens(k=lm.tokenizer.vocab_size)
        assert math.fsum(c.prob for c in found.candidates) == pytest.approx(1)
        assert found.rest_mass == 0

    def test_a_full_context_is_enough(self, lm: LanguageModel) -> None:
        assert lm.next_tokens([97] * N_CTX, k=1).candidates
        with pytest.raises(ContextLengthError, match="25 tokens, and the model 24"):
            lm.next_tokens([97] * (N_CTX + 1))

    @pytest.mark.parametrize("k", [0, -1, 1.5, True, 10_000])
    def test_an_impossible_k(self, lm: LanguageModel, k: int) -> None:
        with pytest.raises(ConfigError, match=f"k is {k!r}"):
            lm.next_tokens("the", k=k)


class TestBadInput:
    @pytest.mark.parametrize("n", [0, -1, 1.5, True])
    def test_an_impossible_n(self, lm: LanguageModel, n: int) -> None:
        with pytest.raises(ConfigError, match=f"n is {n!r}"):
            lm.generate("the", n=n)

    @pytest.mark.parametrize("prompt", [[], ["a", []], 5, None, ["a", 5], [["a"]], b"bytes"])
    def test_what_is_no_prompt(self, lm: LanguageModel, prompt: object) -> None:
        with pytest.raises(CutawayError) as caught:
            lm.generate(prompt)  # type: ignore[call-overload]
        assert caught.value.hint

    @pytest.mark.parametrize("bad", [-1, 10_000, True, 1.0, "a"])
    def test_ids_outside_the_vocabulary(self, lm: LanguageModel, bad: int) -> None:
        for call in (lm.generate, lm.next_tokens, lm.score, lm.stream):
            with pytest.raises(TokenizerError, match="Token 1 of a prompt is"):
                call([0, bad])

    def test_a_huge_prompt_is_refused_before_it_is_encoded(
        self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def never(self: object, text: str) -> list[int]:
            raise AssertionError

        monkeypatch.setattr(type(lm.tokenizer), "encode", never)
        for call in (lm.generate, lm.next_tokens, lm.stream):
            with pytest.raises(ContextLengthError, match="1,000,000 characters"):
                call("x" * 1_000_000)

    def test_a_long_prompt_names_both_numbers(self, lm: LanguageModel) -> None:
        with pytest.raises(ContextLengthError, match="has 30 tokens, and the model 24 positions"):
            lm.generate("x" * 30)

    def test_a_length_that_cannot_fit_names_what_can(self, lm: LanguageModel) -> None:
        with pytest.raises(ContextLengthError) as caught:
            lm.generate("x" * 20, max_new_tokens=5)
        assert caught.value.what == (
            "20 tokens of prompt and 5 new ones are 25, but the model has 24 positions."
        )
        assert "at most 4" in caught.value.hint

    def test_a_stream_checks_at_once(self, lm: LanguageModel) -> None:
        with pytest.raises(ConfigError, match="top_p"):
            lm.stream("the", top_p=2)
        with pytest.raises(ConfigError, match="beams=2 cannot stream"):
            lm.stream("the", beams=2)
        with pytest.raises(ConfigError, match="one prompt"):
            lm.stream(["a", "b"])  # type: ignore[arg-type]

    def test_an_unknown_setting(self, lm: LanguageModel) -> None:
        with pytest.raises(ConfigError, match="Unknown generation setting 'temprature'") as caught:
            lm.generate("the", temprature=1)  # type: ignore[call-overload]
        assert "'temperature'" in caught.value.hint

    @pytest.mark.parametrize("where", ["logit_bias", "stop_ids"])
    def test_settings_outside_the_vocabulary(self, lm: LanguageModel, where: str) -> None:
        value = {10_000: 1.0} if where == "logit_bias" else [10_000]
        with pytest.raises(ConfigError, match=f"no token 10000 in {where}"):
            lm.generate("the", **{where: value})  # type: ignore[call-overload]

    def test_weights_that_are_not_numbers(self, enliven: Callable[..., GPT2]) -> None:
        lm = language_model(enliven)
        with torch.no_grad():
            lm.model.ln_f.bias[0] = math.nan
        with pytest.raises(ConfigError, match="NaN"):
            lm.generate("the")


class TestWithoutATokenizer:
    def test_ids_go_in_and_out(self, bare: LanguageModel) -> None:
        done = bare.generate([1, 2], max_new_tokens=3, seed=0, logprobs=1)
        assert (done.text, done.prompt, len(done.ids)) == ("", "", 3)
        assert bare.next_tokens([1], k=2).candidates[0].text == ""

    def test_text_is_refused(self, bare: LanguageModel) -> None:
        for call in (bare.generate, bare.stream, bare.next_tokens, bare.score, bare.encode):
            with pytest.raises(TokenizerError, match="without a tokenizer"):
                call("text")

    def test_stop_strings_are_refused(self, bare: LanguageModel) -> None:
        with pytest.raises(TokenizerError, match="without a tokenizer"):
            bare.generate([1], stop="a")


class TestModel:
    def test_a_vocabulary_that_does_not_fit(self) -> None:
        model = GPT2(GPT2Config(vocab_size=200, n_ctx=8, n_embd=8, n_layer=1, n_head=1))
        with pytest.raises(ConfigError, match="entries, the model 200"):
            LanguageModel(model, byte_tokenizer())

    def test_padding_of_the_vocabulary_is_never_written(self, enliven: Callable[..., GPT2]) -> None:
        tokenizer = byte_tokenizer()
        size = tokenizer.vocab_size
        padded = GPT2(GPT2Config(vocab_size=size + 50, n_ctx=24, n_embd=20, n_layer=2, n_head=5))
        lm = LanguageModel(enliven(padded), tokenizer)
        with torch.no_grad():
            padded.wte.weight[size:] *= 10  # loud
        done = lm.generate(n=5, max_new_tokens=20, top_k=0)
        assert isinstance(done, list)
        assert max(max(c.ids) for c in done) < size
        assert math.fsum(c.prob for c in lm.next_tokens(k=size).candidates) == pytest.approx(1)
        with pytest.raises(TokenizerError):
            lm.generate([size])

    def test_a_model_in_training_is_left_so_and_writes_without_dropout(
        self, enliven: Callable[..., GPT2]
    ) -> None:
        tokenizer = byte_tokenizer()
        size = GPT2Config(
            vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5, dropout=0.5
        )
        lm = LanguageModel(enliven(GPT2(size)).double(), tokenizer)
        expected = lm.generate("the", seed=1, max_new_tokens=8)
        lm.model.train()
        for event in lm.stream("the", seed=1, max_new_tokens=8):
            assert lm.model.training
            assert all(module.training for module in lm.model.modules())
            assert torch.is_grad_enabled()
            last = event
        assert last.completion == expected

    @pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
    def test_half_precision(self, enliven: Callable[..., GPT2], dtype: torch.dtype) -> None:
        lm = language_model(enliven, dtype=dtype)
        for prompt in ("the", ["the", "cat and"]):
            done = lm.generate(prompt, max_new_tokens=4, overflow="slide", logprobs=2)
            assert done
        assert lm.score("the cat").nll > 0
        assert lm.next_tokens("the", k=3).rest_mass > 0

    @pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\x00", "\u202e\ufeff"])
    def test_odd_characters(self, lm: LanguageModel, text: str) -> None:
        assert lm.generate(text, max_new_tokens=2).prompt == text

    def test_ctrl_c_keeps_what_was_made(
        self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = lm.generate("the", seed=1, max_new_tokens=8)
        steps = iter(range(3))
        step = Rows.step

        def interrupted(self: Rows, tokens: list[int]) -> None:
            if next(steps, None) is None:
                raise KeyboardInterrupt
            step(self, tokens)

        monkeypatch.setattr(Rows, "step", interrupted)
        stream, shown = lm.stream("the", seed=1, max_new_tokens=8), ""
        with pytest.raises(KeyboardInterrupt):  # noqa: PT012
            for event in stream:
                shown += event.text
        part = stream.completion
        assert part.ids == whole.ids[:4]
        assert part.finish_reason is None
        assert part.text.startswith(shown)
        assert not torch.is_inference_mode_enabled()

    def test_n_samples_read_the_prompt_once(
        self, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        widths = list[tuple[int, ...]]()
        hidden = GPT2.hidden

        def counting(self: GPT2, tokens: torch.Tensor, **kwargs: object) -> torch.Tensor:
            widths.append(tuple(tokens.shape))
            return hidden(self, tokens, **kwargs)  # type: ignore[arg-type]

        monkeypatch.setattr(GPT2, "hidden", counting)
        lm.generate("xyz!", n=5, max_new_tokens=3, logit_bias={lm.tokenizer.eot: -math.inf})
        assert widths == [(1, 4), (6, 1), (6, 1)]  # five rows and the ruler
