"""Labels of texts: what the model reads, what it chooses among, and texts that do not fit."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

from cutaway.apps.classification import Classified, Classifier
from cutaway.apps.summarization import Summarizer
from cutaway.apps.translation import Translator
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, ContextLengthError, DataError, TokenizerError
from cutaway.generation import LanguageModel
from cutaway.models import GPT2, EncoderDecoder, GPT2Config, TransformerConfig
from cutaway.tokenizers import Tokenizer
from lms import byte_tokenizer

LABELS = ("no", "yes", "perhaps")
KINDS = ["causal", "prefix", "encoder"]


def task(**fields: Any) -> TaskFormat:
    return TaskFormat(**{"task": "classification", "marker": "<class>", "labels": LABELS, **fields})


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_specials(task().specials)


@pytest.fixture(scope="module")
def models(
    enliven: Callable[..., GPT2 | EncoderDecoder], tokenizer: Tokenizer
) -> dict[str, LanguageModel]:
    sizes = {"vocab_size": tokenizer.vocab_size, "n_ctx": 24, "n_embd": 20, "n_head": 5}
    decoder = enliven(GPT2(GPT2Config(n_layer=2, **sizes)), seed=6).double()
    both = enliven(EncoderDecoder(TransformerConfig(n_layer=2, n_inner=24, **sizes)), seed=6)
    return {
        "causal": LanguageModel(decoder, tokenizer, task=task()),
        "prefix": LanguageModel(decoder, tokenizer, task=task(mask="prefix")),
        "encoder": LanguageModel(both.double(), tokenizer, task=task()),
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_likeliest_label_behind_the_marker(
    models: dict[str, LanguageModel], tokenizer: Tokenizer, kind: str
) -> None:
    lm = models[kind]
    found = Classifier(lm)("the thing")
    ids = list(lm.task.label_ids(tokenizer).values())  # type: ignore[union-attr]
    prompt = [*lm.encode("the thing"), tokenizer.special("<class>")]
    if kind == "encoder":
        prompt.insert(-1, tokenizer.eot)
    scores = torch.from_numpy(np.array(lm.reader.last_logits(prompt)[ids]))
    expected = scores.softmax(0).tolist()
    assert list(found.probabilities) == list(LABELS)
    assert list(found.probabilities.values()) == pytest.approx(expected)
    assert found.label == LABELS[int(scores.argmax())]
    assert found.n_tokens == found.n_read == len(lm.encode("the thing"))


@pytest.mark.parametrize("kind", KINDS)
def test_a_text_of_a_batch_is_read_as_if_alone(models: dict[str, LanguageModel], kind: str) -> None:
    classifier = Classifier(models[kind])
    texts = ["the thing", " ", "an", "x" * 40, "the thing"]
    together = classifier.attempts(texts)
    kinds = [type(one) for one in together]
    assert kinds == [Classified, DataError, Classified, ContextLengthError, Classified]
    assert together[2] == classifier("an")
    assert together[0] == together[4]
    assert classifier.attempts([]) == []


@pytest.mark.parametrize(("kind", "room"), [("causal", 22), ("encoder", 23)])
def test_a_text_that_does_not_fit_is_refused_with_the_numbers_or_cut(
    models: dict[str, LanguageModel], kind: str, room: int
) -> None:
    classifier = Classifier(models[kind])
    assert classifier("x" * room).n_read == room
    with pytest.raises(ContextLengthError, match=rf"{room + 1} tokens.* {room} in .* 24 pos"):
        classifier("x" * (room + 1))
    long = Classifier(models[kind], too_long="cut")("x" * 50)
    assert (long.n_tokens, long.n_read) == (50, room)
    assert long.probabilities == classifier("x" * room).probabilities


def test_a_text_that_names_a_label_is_text(models: dict[str, LanguageModel]) -> None:
    text = "<label:no>"
    found = Classifier(models["causal"])(text)
    assert found.n_tokens == len(models["causal"].tokenizer.encode(text)) > 1


def test_the_protocol_says_how(models: dict[str, LanguageModel]) -> None:
    told = Classifier(models["prefix"]).protocol
    assert "decoder, prefix mask, float64; the likeliest of 3 labels behind <class>" in told
    assert "refused" in told
    told = Classifier(models["encoder"], too_long="cut").protocol
    assert "encoder-decoder" in told
    assert "the first 23 tokens" in told


def test_models_that_cannot(models: dict[str, LanguageModel], tokenizer: Tokenizer) -> None:
    network = models["causal"].model
    with pytest.raises(ConfigError, match="was not taught labels") as caught:
        Classifier(LanguageModel(network, tokenizer))
    assert "--task classification" in caught.value.hint
    taught = TaskFormat(task="translation", marker="<class>")
    with pytest.raises(ConfigError, match="was taught translation"):
        Classifier(LanguageModel(network, tokenizer, task=taught))
    with pytest.raises(TokenizerError, match="<label:maybe>"):
        Classifier(LanguageModel(network, tokenizer, task=task(labels=("no", "maybe"))))
    with pytest.raises(ConfigError, match="too_long is 'fold'"):
        Classifier(models["causal"], too_long="fold")  # type: ignore[arg-type]


def test_it_neither_translates_nor_summarises(models: dict[str, LanguageModel]) -> None:
    with pytest.raises(ConfigError, match="was taught classification"):
        Translator(models["causal"])
    with pytest.raises(ConfigError, match="was taught classification") as caught:
        Summarizer(models["causal"])
    assert "cutaway classify" in caught.value.hint
