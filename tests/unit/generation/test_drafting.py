"""Guesses change how often a model is asked, and no token, score or draw."""

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
import torch
from torch import Tensor

from cutaway.checkpoints import save_checkpoint
from cutaway.engine import Engine, Piece
from cutaway.errors import ConfigError, EngineUnavailable
from cutaway.generation import LanguageModel, load
from cutaway.generation.drafting import DrafterMaker, DraftModel, PromptLookup
from cutaway.models import GPT2, GPT2Config
from lms import language_model

Enliven = Callable[..., GPT2]


class Fixed:
    """Guesses the same tokens always."""

    def __init__(self, *guesses: int) -> None:
        self.guesses = guesses

    def propose(self, history: Sequence[int], n_most: int) -> list[int]:
        return list(self.guesses[:n_most])


class Counted(Engine):
    """An engine that counts how often it is asked."""

    n_asked = 0

    def read(self, pieces: Sequence[Piece]) -> Tensor:
        self.n_asked += 1
        return super().read(pieces)


SIZE = GPT2Config(vocab_size=5, n_ctx=96, n_embd=20, n_layer=2, n_head=5)


def counted(enliven: Enliven, *, seed: int = 3) -> tuple[GPT2, Counted]:
    """A model of few tokens, so that it repeats itself and guesses come true."""
    model = enliven(GPT2(SIZE), seed=seed)
    try:
        engine = Counted(SIZE, format="float32", threads=1)
    except EngineUnavailable as error:
        pytest.skip(error.what)
    for name, weight in model.state_dict().items():
        engine.fill(name, weight)
    return model, engine


def writer(enliven: Enliven, drafter: DrafterMaker | None) -> tuple[LanguageModel, Counted]:
    model, engine = counted(enliven)
    return LanguageModel(model, engine=engine, drafter=drafter), engine


DRAFTERS: dict[str, DrafterMaker] = {
    "lookup": lambda: PromptLookup(6),
    "wrong": lambda: Fixed(4, 4, 4, 4),
    "some right": lambda: Fixed(1, 2),
}


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"top_k": 0}, {"top_p": 0.8}])
@pytest.mark.parametrize("name", DRAFTERS)
def test_texts_and_scores_are_those_without_guesses(
    enliven: Enliven, name: str, settings: dict[str, float]
) -> None:
    prompts = [[1, 2, 3], [0, 1, 2, 3, 0, 1, 2], [4]]
    plain, _ = writer(enliven, None)
    guessing, _ = writer(enliven, DRAFTERS[name])
    for overflow, n_new in (("error", 40), ("slide", 150)):
        want = plain.generate(
            prompts, n=2, seed=5, max_new_tokens=n_new, overflow=overflow, **settings
        )
        got = guessing.generate(
            prompts, n=2, seed=5, max_new_tokens=n_new, overflow=overflow, **settings
        )
        assert got == want


def test_guesses_that_come_true_save_reads(enliven: Enliven) -> None:
    plain, asked = writer(enliven, None)
    guessing, asked_less = writer(enliven, lambda: PromptLookup(6))
    for lm in (plain, guessing):
        lm.generate([1, 2, 3], max_new_tokens=80, temperature=0)
    assert asked_less.n_asked < 0.7 * asked.n_asked


def test_a_smaller_model_guesses_for_a_larger_one(enliven: Enliven) -> None:
    plain, asked = writer(enliven, None)
    _, same = counted(enliven)
    guessing, asked_less = writer(enliven, lambda: DraftModel(same))
    want = plain.generate([1, 2], max_new_tokens=90, temperature=0, seed=1)
    assert guessing.generate([1, 2], max_new_tokens=90, temperature=0, seed=1) == want
    assert asked_less.n_asked < asked.n_asked / 3  # it guesses with itself: all comes true
    _, other = counted(enliven, seed=4)
    guessing, _ = writer(enliven, lambda: DraftModel(other))
    want = plain.generate([1, 2], max_new_tokens=90, seed=1)
    assert guessing.generate([1, 2], max_new_tokens=90, seed=1) == want


def test_draws_with_guesses_follow_the_model(enliven: Enliven) -> None:
    """Over many seeds the second token has the distribution that the model gives it."""
    lm, _ = writer(enliven, lambda: Fixed(2, 1))
    n = 4000
    texts = lm.generate([1, 3], n=n, seed=9, max_new_tokens=2, top_k=0)
    assert isinstance(texts, list)
    pairs = Counter(text.ids for text in texts)
    with torch.inference_mode():
        first = lm.model(torch.tensor([[1, 3]]))[0, -1].softmax(-1)
        second = [lm.model(torch.tensor([[1, 3, a]]))[0, -1].softmax(-1) for a in range(5)]
    chi = 0.0
    for a in range(5):
        for b in range(5):
            want = n * float(first[a] * second[a][b])
            chi += (pairs[(a, b)] - want) ** 2 / want
    assert chi < 52.6  # 24 degrees of freedom: exceeded once in 1,500


@pytest.mark.parametrize(
    ("history", "guesses"),
    [
        ([1, 2, 3, 1, 2], [3, 1, 2]),
        ([1, 2, 3, 9, 2, 3, 7, 1, 2, 3], [9, 2, 3, 7]),
        ([5, 6, 1, 5, 6, 2, 5, 6], [2, 5, 6]),
        ([1, 2, 3, 4], []),
        ([1], []),
        ([3, 3, 3], [3]),
    ],
)
def test_lookup_finds_the_longest_and_latest_end(history: list[int], guesses: list[int]) -> None:
    assert PromptLookup(4).propose(history, n_most=9) == guesses
    growing = PromptLookup(4)
    for n in range(1, len(history)):
        growing.propose(history[:n], n_most=9)
    assert growing.propose(history, n_most=9) == guesses
    assert growing.propose([8, 9], n_most=9) == []
    assert PromptLookup(4).propose(history, n_most=1) == guesses[:1]


def test_guesses_are_asked_for_when_a_model_is_loaded(enliven: Enliven, tmp_path: Path) -> None:
    lm = language_model(enliven, dtype=torch.float32)
    save_checkpoint(tmp_path / "m", lm.model, lm.tokenizer)
    other = LanguageModel(
        enliven(GPT2(GPT2Config(vocab_size=265, n_ctx=24, n_embd=20, n_layer=1, n_head=5)))
    )
    save_checkpoint(tmp_path / "other", other.model, None)
    with pytest.raises(ConfigError, match="only the engine reads guesses"):
        load(tmp_path / "m", lookup=3)
    with pytest.raises(ConfigError, match="lookup is -1"):
        load(tmp_path / "m", dtype="int8", lookup=-1)
    with pytest.raises(ConfigError, match="another vocabulary"):
        load(tmp_path / "m", dtype="int8", draft=tmp_path / "other")
    plain = load(tmp_path / "m", dtype="int8").generate("the in", max_new_tokens=12, seed=1)
    for guessing in (
        load(tmp_path / "m", dtype="int8", lookup=4),
        load(tmp_path / "m", dtype="int8", draft=tmp_path / "m"),
    ):
        assert guessing.generate("the in", max_new_tokens=12, seed=1) == plain
