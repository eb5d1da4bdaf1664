"""Writing with an encoder-decoder: the same settings, readers and searches as everywhere."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.data.task import TaskFormat
from cutaway.errors import ConfigError, ContextLengthError, TokenizerError
from cutaway.generation import LanguageModel, load
from cutaway.generation.seq2seq import Seq2SeqReader
from cutaway.models import EncoderDecoder, TransformerConfig
from cutaway.tokenizers import Tokenizer
from lms import byte_tokenizer

TEXTS = ["the", "a can", "the", "in the end", "x" * 9, "a"]


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_specials(["<to-de>"])


@pytest.fixture(scope="module")
def model(enliven: Callable[..., EncoderDecoder], tokenizer: Tokenizer) -> EncoderDecoder:
    size = TransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=16, n_embd=20, n_layer=2, n_head=5, n_inner=24
    )
    return enliven(EncoderDecoder(size), seed=2).double()


@pytest.fixture(scope="module")
def lm(model: EncoderDecoder, tokenizer: Tokenizer) -> LanguageModel:
    task = TaskFormat(task="translation", marker="<to-de>")
    return LanguageModel(model, tokenizer, task=task)


def greedily(lm: LanguageModel, text: str, n: int) -> list[int]:
    """Without a cache, without a batch."""
    assert isinstance(lm.model, EncoderDecoder)
    source = torch.tensor([[*lm.tokenizer.encode(text), lm.tokenizer.eot]])
    ids = [lm.tokenizer.special("<to-de>")]
    while len(ids) <= n and ids[-1] != lm.tokenizer.eot:
        with torch.no_grad():
            logits = lm.model(torch.tensor([ids]), memory=lm.model.encode(source))
        ids.append(int(logits[0, -1].argmax()))
    return ids[1:]


def test_greedy_is_the_best_word_every_time(lm: LanguageModel) -> None:
    found = lm.generate(TEXTS, temperature=0, max_new_tokens=8)
    for text, completion in zip(TEXTS, found, strict=True):
        assert list(completion.ids) == greedily(lm, text, 8)
        assert completion.prompt == text


@pytest.mark.parametrize(
    "settings",
    [{"seed": 3, "top_k": 0}, {"beams": 3}, {"beams": 3, "length_penalty": 1.0}],
    ids=str,
)
def test_each_is_what_it_is_alone(lm: LanguageModel, settings: dict[str, object]) -> None:
    together = lm.generate(TEXTS, n=2, max_new_tokens=7, **settings)
    for text, found in zip(TEXTS, together, strict=True):
        alone = lm.generate(text, n=2, max_new_tokens=7, **settings)
        for ours, theirs in zip(found, alone, strict=True):
            assert ours.ids == theirs.ids
            assert ours.logprobs == pytest.approx(theirs.logprobs, abs=1e-10)


def test_a_stream_is_the_same_text(lm: LanguageModel) -> None:
    whole = lm.generate("the", seed=5, max_new_tokens=6)
    stream = lm.stream("the", seed=5, max_new_tokens=6)
    assert "".join(event.text for event in stream) == whole.text
    assert stream.completion.ids == whole.ids


def test_a_text_goes_on_where_its_ids_end(lm: LanguageModel) -> None:
    whole = lm.generate("the", temperature=0, max_new_tokens=6)
    rest = lm.generate([*whole.prompt_ids, *whole.ids[:2]], temperature=0, max_new_tokens=4)
    assert (*whole.ids[:2], *rest.ids) == whole.ids


def test_what_a_reader_gives_is_what_the_model_says(
    lm: LanguageModel, model: EncoderDecoder, tokenizer: Tokenizer
) -> None:
    eot, begin = tokenizer.eot, tokenizer.special("<to-de>")
    reader = Seq2SeqReader(model, end=eot, begin=begin)
    source, target = [1, 2, 3, eot], [begin, 7, 8]
    with torch.no_grad():
        memory = model.encode(torch.tensor([source]))
        logits = model(torch.tensor([target]), memory=memory)[0].log_softmax(-1)
    found = reader.logprobs([*source, *target], [7, 8, 9])
    assert found == pytest.approx([float(logits[i, t]) for i, t in enumerate((7, 8, 9))])
    [first] = reader.logits([(source[:3], 1)])  # source alone: the target begins
    assert first[0, 7] - first[0, 8] == pytest.approx(float(logits[0, 7] - logits[0, 8]))
    with pytest.raises(ConfigError, match="4 tokens of a text whose target has 3"):
        reader.logprobs([*source, *target], [1, 2, 3, 4])


def test_lengths_are_those_of_each_side(lm: LanguageModel) -> None:
    """15 tokens and their end are read; 16 positions are written, the marker's included."""
    found = lm.generate(
        [1] * 15, temperature=0, overflow="stop", logit_bias={lm.tokenizer.eot: -99}
    )
    assert (len(found.ids), found.finish_reason) == (15, "context")
    with pytest.raises(ContextLengthError, match="17 tokens with its end, and the model 16"):
        lm.generate([1] * 16)
    with pytest.raises(ContextLengthError, match="16 positions"):
        lm.generate([1], max_new_tokens=17)
    with pytest.raises(ConfigError, match="cannot slide"):
        lm.generate([1], overflow="slide")


def test_without_a_tokenizer_nothing_ends_a_source(model: EncoderDecoder) -> None:
    with pytest.raises(TokenizerError):
        LanguageModel(model).generate([1, 2])


def test_without_a_task_end_of_text_begins_the_target(
    model: EncoderDecoder, tokenizer: Tokenizer
) -> None:
    plain = LanguageModel(model, tokenizer)
    found = plain.generate("the", temperature=0, max_new_tokens=3)
    assert found.prompt_ids[-2:] == (tokenizer.eot, tokenizer.eot)


def test_a_directory_says_its_task(
    model: EncoderDecoder, tokenizer: Tokenizer, tmp_path: Path
) -> None:
    save_checkpoint(tmp_path, model.float(), tokenizer)
    task = TaskFormat(task="translation", marker="<to-de>")
    task.save(tmp_path)
    lm = load(tmp_path)
    assert lm.task == task
    assert json.loads((tmp_path / "task.json").read_text())["marker"] == "<to-de>"
    assert lm.generate("the", max_new_tokens=2).prompt_ids[-1] == tokenizer.special("<to-de>")
    model.double()
