"""Translating with both kinds of model: formats, batches, texts that do not fit, alignment."""

from collections.abc import Callable

import pytest
import torch

from cutaway.apps.alignment import best_layer
from cutaway.apps.translation import Translation, Translator
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, ContextLengthError, DataError, TokenizerError
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, EncoderDecoder, GPT2Config, TransformerConfig
from cutaway.nn.masks import prefix_mask
from cutaway.tokenizers import Tokenizer
from lms import byte_tokenizer
from taps import Keep

TEXTS = ["the can", "a", "in the", "the can", "xyz"]
KINDS = ["causal", "prefix", "encoder"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_specials(["<to-de>", "<to-fr>"])


@pytest.fixture(scope="module")
def models(
    enliven: Callable[..., GPT2 | EncoderDecoder], tokenizer: Tokenizer
) -> dict[str, LanguageModel]:
    sizes = {"vocab_size": tokenizer.vocab_size, "n_ctx": 24, "n_embd": 20, "n_head": 5}
    decoder = enliven(GPT2(GPT2Config(n_layer=2, **sizes)), seed=6).double()
    both = enliven(EncoderDecoder(TransformerConfig(n_layer=2, n_inner=24, **sizes)), seed=6)
    found = {}
    for kind, model in (("causal", decoder), ("prefix", decoder), ("encoder", both.double())):
        mask = "prefix" if kind == "prefix" else "causal"
        task = TaskFormat(task="translation", marker="<to-de>", mask=mask)
        found[kind] = LanguageModel(model, tokenizer, task=task, name=kind)
    return found


def translated(translator: Translator, texts: list[str]) -> list[Translation]:
    found = translator.attempts(texts)
    assert all(isinstance(one, Translation) for one in found), found
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("beams", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_each_text_is_translated_as_if_alone(
    models: dict[str, LanguageModel], kind: str, beams: int
) -> None:
    translator = Translator(models[kind], beams=beams, max_tokens=6)
    for text, found in zip(TEXTS, translated(translator, TEXTS), strict=True):
        alone = translator(text)
        assert found.text == alone.text
        assert found.logprob == pytest.approx(alone.logprob, abs=1e-9)
        assert (found.parts, found.n_tokens) == (1, len(models[kind].encode(text)))


@pytest.mark.parametrize("kind", ["causal", "encoder"])
def test_another_language(models: dict[str, LanguageModel], kind: str) -> None:
    german = Translator(models[kind], max_tokens=6)("the can")
    assert Translator(models[kind], to="de", max_tokens=6)("the can") == german
    french = Translator(models[kind], to="fr", max_tokens=6)("the can")
    assert french == Translator(models[kind], to="<to-fr>", max_tokens=6)("the can")
    assert french.logprob != german.logprob


def test_a_language_that_is_unknown(models: dict[str, LanguageModel]) -> None:
    with pytest.raises(TokenizerError, match="<to-xx>"):
        Translator(models["causal"], to="xx")
    with pytest.raises(ConfigError, match="up to <to-de>, not to <to-fr>"):
        Translator(models["prefix"], to="fr")


def test_a_model_that_was_not_taught(models: dict[str, LanguageModel]) -> None:
    lm = models["causal"]
    with pytest.raises(ConfigError, match="was not taught pairs"):
        Translator(LanguageModel(lm.model, lm.tokenizer))
    task = TaskFormat(task="summarization", marker="<to-de>")
    with pytest.raises(ConfigError, match="was taught summarization"):
        Translator(LanguageModel(lm.model, lm.tokenizer, task=task))


@pytest.mark.parametrize(("kind", "room"), [("causal", 11), ("encoder", 23)])
def test_what_does_not_fit_is_refused_and_the_rest_is_not(
    models: dict[str, LanguageModel], kind: str, room: int
) -> None:
    translator = Translator(models[kind], beams=2, max_tokens=4)
    found = translator.attempts(["a", "x" * (room + 1), "", "x" * room])
    assert isinstance(found[0], Translation)
    assert isinstance(found[1], ContextLengthError)
    assert f"{room + 1} tokens, and there is room for {room}" in found[1].what
    assert isinstance(found[2], DataError)
    assert isinstance(found[3], Translation)
    with pytest.raises(DataError, match="empty"):
        translator(" ")
    assert translator.attempts([]) == []


@pytest.mark.parametrize("kind", ["causal", "encoder"])
def test_in_parts_by_sentences(models: dict[str, LanguageModel], kind: str) -> None:
    translator = Translator(models[kind], beams=2, max_tokens=4, too_long="chunk", layer=0)
    sentence = "Xy zx yz."
    whole = translator(" ".join([sentence] * 5) + " " + "q" * 60)
    assert whole.parts > 2
    assert whole.alignments is not None
    assert len(whole.alignments) == whole.parts
    assert "".join(whole.alignments[0].source).startswith(sentence)
    assert all(len(a.source) <= translator.room for a in whole.alignments)


@pytest.mark.parametrize("kind", KINDS)
def test_alignment_is_the_attention_when_a_word_was_written(
    models: dict[str, LanguageModel], kind: str
) -> None:
    lm, seen = models[kind], {}
    [alignment] = Translator(lm, max_tokens=5, layer=1)("the can").alignments or ()
    source, marker, eot = lm.encode("the can"), lm.tokenizer.special("<to-de>"), lm.tokenizer.eot
    [completion, *_] = lm.search(
        [[*source, *([eot] if kind == "encoder" else []), marker]],
        beams=5,
        length_penalty=1.0,
        max_new_tokens=5,
        end="likely",
    )[0]
    target = [token for token in completion.ids if token != eot]
    model, tap = lm.model, Keep(seen)
    with torch.no_grad():
        if isinstance(model, EncoderDecoder):
            memory = model.encode(torch.tensor([[*source, eot]]))
            model(torch.tensor([[marker, *target]]), memory=memory, tap=tap)
            rows = seen["h.1.cross.pattern"][0].mean(0)[: len(target), : len(source)]
        else:
            ids = torch.tensor([[*source, marker, *target]])
            n = len(source) + 1
            mask = prefix_mask(torch.tensor([n]), ids.shape[1]) if kind == "prefix" else None
            model.hidden(ids, mask=mask, tap=tap)
            rows = seen["h.1.attn.pattern"][0].mean(0)[n - 1 : n - 1 + len(target), : len(source)]
    torch.testing.assert_close(torch.tensor(alignment.weights).double(), rows, rtol=0, atol=1e-6)
    assert alignment.links == rows.argmax(-1).tolist()
    assert "".join(alignment.source) == "the can"
    assert (len(alignment.target), alignment.layer) == (len(target), 1)


def test_impossible_settings(models: dict[str, LanguageModel]) -> None:
    lm = models["causal"]
    with pytest.raises(ConfigError, match="layer is 2"):
        Translator(lm, layer=2)
    with pytest.raises(ConfigError, match="too_long is 'cut'"):
        Translator(lm, too_long="cut")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="beams"):
        Translator(lm, beams=0)
    assert [best_layer(n) for n in (1, 2, 6)] == [0, 0, 4]


def test_the_protocol_says_how(models: dict[str, LanguageModel]) -> None:
    said = Translator(models["prefix"], length_penalty=0.6).protocol
    assert said.startswith("decoder, prefix mask, float64; 5 beams, log-probability / length^0.6")
    assert Translator(models["encoder"], beams=1).protocol == (
        "encoder-decoder, float64; the likeliest token always, 200 tokens at most"
    )
