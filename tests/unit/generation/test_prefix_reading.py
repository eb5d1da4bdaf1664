"""Models that have learned to read their source both ways are asked so, by every reader."""

import warnings
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel, load
from cutaway.models import GPT2, GPT2Config
from cutaway.nn.masks import prefix_mask
from cutaway.tokenizers import Tokenizer
from lms import byte_tokenizer

PREFIX = TaskFormat(task="translation", marker="<to-de>", mask="prefix")


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return byte_tokenizer().with_specials(["<to-de>"])


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2], tokenizer: Tokenizer) -> LanguageModel:
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5)
    return LanguageModel(enliven(GPT2(size), seed=4).double(), tokenizer, task=PREFIX)


def prompts(lm: LanguageModel) -> list[list[int]]:
    return [PREFIX.prompt_ids(lm.tokenizer, text) for text in ("the", "a can", "xyz", "in the end")]


def greedily(lm: LanguageModel, prompt: list[int], n: int) -> list[int]:
    ids = list(prompt)
    for _ in range(n):
        mask = prefix_mask(torch.tensor([len(prompt)]), len(ids))
        with torch.no_grad():
            x = lm.model.hidden(torch.tensor([ids]), mask=mask)
        ids.append(int(lm.model.unembed(x)[0, -1].argmax()))
    return ids[len(prompt) :]


def test_greedy_is_the_best_word_behind_a_prefix(lm: LanguageModel) -> None:
    found = lm.generate(prompts(lm), temperature=0, max_new_tokens=5)
    plain = LanguageModel(lm.model, lm.tokenizer)
    for prompt, completion in zip(prompts(lm), found, strict=True):
        assert list(completion.ids) == greedily(lm, prompt, len(completion.ids))
    causal = plain.generate(prompts(lm), temperature=0, max_new_tokens=5)
    assert [c.ids for c in causal] != [c.ids for c in found]


def test_beams_of_many_are_those_of_one(lm: LanguageModel) -> None:
    together = lm.generate(prompts(lm), n=3, beams=3, max_new_tokens=5)
    for prompt, found in zip(prompts(lm), together, strict=True):
        alone = lm.generate(prompt, n=3, beams=3, max_new_tokens=5)
        assert [c.ids for c in found] == [c.ids for c in alone]


def test_scores_are_those_behind_a_prefix(lm: LanguageModel) -> None:
    [prompt, *_] = prompts(lm)
    found = lm.generate(prompt, temperature=0, max_new_tokens=4)
    n = len(found.ids)
    scored = lm.reader.logprobs([*prompt, *found.ids[:-1]], list(found.ids))
    assert scored == pytest.approx(found.logprobs, abs=1e-10)
    assert len(scored) == n


def test_a_prompt_without_the_marker_is_read_from_left_to_right(lm: LanguageModel) -> None:
    plain = LanguageModel(lm.model, lm.tokenizer)
    ours, theirs = (m.generate("the cat", temperature=0, max_new_tokens=4) for m in (lm, plain))
    assert ours.ids == theirs.ids


@pytest.mark.parametrize("dtype", ["auto", "float32"])
def test_the_engine_cannot_and_says_so(lm: LanguageModel, tmp_path: Path, dtype: str) -> None:
    save_checkpoint(tmp_path, lm.model, lm.tokenizer, dtype=torch.float32)
    PREFIX.save(tmp_path)
    with pytest.warns(UserWarning, match="both ways"):
        loaded = load(tmp_path, dtype=dtype)
    assert loaded.task == PREFIX
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert load(tmp_path).generate("the", max_new_tokens=2).ids
