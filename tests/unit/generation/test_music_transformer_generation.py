"""A Music Transformer writes and scores as the other decoders do, by the readable model."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel, load
from cutaway.models import MusicTransformer, MusicTransformerConfig
from lms import byte_tokenizer


@pytest.fixture(params=[0, 7], ids=["global", "local"])
def lm(request: pytest.FixtureRequest, enliven: Callable[..., MusicTransformer]) -> LanguageModel:
    tokenizer = byte_tokenizer()
    size = MusicTransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=28,
        n_att=30, max_relative=9, window=request.param,
    )  # fmt: skip
    return LanguageModel(enliven(MusicTransformer(size)).double(), tokenizer)


def test_texts_of_a_batch_are_those_written_alone(lm: LanguageModel) -> None:
    """Of different length, and past the context, where the window slides."""
    prompts = ["the", "a thing in", "the anthem the an"]
    settings = {"max_new_tokens": 30, "seed": 3, "overflow": "slide"}
    together = lm.generate(prompts, **settings)  # type: ignore[call-overload]
    for one, prompt in zip(together, prompts, strict=True):
        alone = lm.generate(prompt, **settings)  # type: ignore[call-overload]
        assert one.ids == alone.ids
        assert one.logprobs == pytest.approx(alone.logprobs, abs=1e-9)
    assert {len(one.ids) for one in together} == {30}


def test_each_token_follows_from_an_uncached_pass(lm: LanguageModel) -> None:
    written = lm.generate("the", max_new_tokens=16, temperature=0.0)
    ids = [*written.prompt_ids]
    for id in written.ids:
        with torch.no_grad():
            assert int(lm.model(torch.tensor([ids]))[0, -1].argmax()) == id
        ids.append(id)


def test_beams_find_what_they_score(lm: LanguageModel) -> None:
    found = lm.generate("the", beams=3, n=3, max_new_tokens=9)
    assert len({one.ids for one in found}) == 3  # type: ignore[union-attr]
    best = found[0]  # type: ignore[index]
    ids = torch.tensor([[*best.prompt_ids, *best.ids]])
    with torch.no_grad():
        logprobs = lm.model(ids)[0].log_softmax(-1)
    n = len(best.prompt_ids)
    wanted = [float(logprobs[n - 1 + i, id]) for i, id in enumerate(best.ids)]
    assert best.logprobs == pytest.approx(wanted, abs=1e-9)


def test_the_engine_says_that_it_knows_gpt2_only(lm: LanguageModel, tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "m", lm.model.float(), lm.tokenizer)
    with pytest.raises(ConfigError, match=r"knows GPT-2 only.*'music-transformer'"):
        load(tmp_path / "m", dtype="int8")
    with pytest.warns(UserWarning, match="the readable model"):
        load(tmp_path / "m", dtype="auto")
