"""What may not be said twice: a text's own words. A source may be said again."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from cutaway.checkpoints import save_checkpoint
from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel, load
from cutaway.generation.scheduler import Scheduler
from cutaway.models import GPT2, EncoderDecoder, GPT2Config, TransformerConfig
from cutaway.tokenizers import Tokenizer
from lms import byte_tokenizer, language_model

FORMAT = TaskFormat(task="summarization", marker="<sum>")
SOURCE = "the thing in an anthem"


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_specials(["<sum>"])


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2], tokenizer: Tokenizer) -> LanguageModel:
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=40, n_embd=20, n_layer=2, n_head=5)
    return LanguageModel(enliven(GPT2(size), seed=4).double(), tokenizer, task=FORMAT)


def biased(ids: Sequence[int]) -> dict[int, float]:
    """Whatever the model says, these tokens, and of them the first."""
    return {token: 1e4 - 100 * place for place, token in enumerate(ids)}


@pytest.mark.parametrize("beams", [1, 2])
def test_a_source_may_be_said_again_once(lm: LanguageModel, beams: int) -> None:
    """Only tokens of the source are to be had, so with no token twice each of them comes once."""
    prompt = FORMAT.prompt_ids(lm.tokenizer, SOURCE)
    few = list(dict.fromkeys(prompt[:-1]))[:5]
    wanted = {"logit_bias": biased(few), "no_repeat_ngram": 1, "max_new_tokens": len(few)}
    how = {"temperature": 0.0} if beams == 1 else {"beams": beams}
    found = lm.generate(prompt, **wanted, **how)  # type: ignore[arg-type]
    assert sorted(found.ids) == sorted(few)


def test_a_penalty_counts_no_source_either(lm: LanguageModel) -> None:
    """The favourite's score is divided when it has been said, and not because it was read."""
    prompt = FORMAT.prompt_ids(lm.tokenizer, SOURCE)
    favourite, other = prompt[0], lm.tokenizer.encode("x")[0]
    assert other not in prompt
    how = {"logit_bias": {favourite: 100.0, other: 80.0}, "repetition_penalty": 2.0}
    found = lm.generate(prompt, temperature=0.0, max_new_tokens=2, **how)  # type: ignore[arg-type]
    assert list(found.ids) == [favourite, other]


def test_without_a_marker_a_prompt_counts(
    lm: LanguageModel, enliven: Callable[..., GPT2], tokenizer: Tokenizer
) -> None:
    prompt = tokenizer.encode("the x")
    how = {"logit_bias": {prompt[0]: 100.0, 90: 90.0}, "no_repeat_ngram": 1}
    untaught = language_model(enliven)
    for model in (lm, untaught):
        found = model.generate(prompt, temperature=0.0, max_new_tokens=1, **how)  # type: ignore[arg-type]
        assert list(found.ids) == [90]


def test_an_encoder_reads_and_its_decoder_may_say_it(
    enliven: Callable[..., EncoderDecoder], tokenizer: Tokenizer
) -> None:
    size = TransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=40, n_embd=20, n_layer=1, n_head=5, n_inner=40
    )
    lm = LanguageModel(enliven(EncoderDecoder(size)).double(), tokenizer, task=FORMAT)
    few = list(dict.fromkeys(tokenizer.encode(SOURCE)))[:4]
    how = {"logit_bias": biased(few), "no_repeat_ngram": 1, "max_new_tokens": len(few)}
    assert list(lm.generate(SOURCE, temperature=0.0, **how).ids) == few  # type: ignore[arg-type]


def test_in_a_running_batch_as_alone(
    enliven: Callable[..., GPT2], tokenizer: Tokenizer, tmp_path: Path
) -> None:
    """The scheduler chooses by the same rule, with an engine."""
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=64, n_embd=64, n_layer=1, n_head=1)
    save_checkpoint(tmp_path, enliven(GPT2(size), seed=4), tokenizer)
    (tmp_path / "task.json").write_text(json.dumps(FORMAT.to_dict()))
    lm = load(tmp_path, dtype="float32")
    prompt = FORMAT.prompt_ids(tokenizer, SOURCE)
    few = list(dict.fromkeys(prompt[:-1]))[:5]
    how = {"logit_bias": biased(few), "no_repeat_ngram": 1, "max_new_tokens": len(few)}
    alone = lm.generate(prompt, temperature=0.0, **how)  # type: ignore[arg-type]
    with Scheduler(lm.reader) as scheduler:
        sample = lm.prepare(prompt, temperature=0.0, **how)  # type: ignore[arg-type]
        [*_] = scheduler.submit(sample)
    assert list(alone.ids) == few == list(sample.ids)
