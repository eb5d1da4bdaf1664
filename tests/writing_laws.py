"""What must hold for whoever writes, whichever decoder it has; each model's tests run these."""

from pathlib import Path

import pytest
import torch

from cutaway.checkpoints import save_checkpoint
from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel, load

__all__ = ["beams_are_scored", "follows_uncached", "there_is_no_engine"]


def follows_uncached(lm: LanguageModel, *, n: int) -> None:
    """Each of ``n`` tokens is the likeliest of a pass without a cache."""
    written = lm.generate("the", max_new_tokens=n, temperature=0.0)
    ids = [*written.prompt_ids]
    for id in written.ids:
        with torch.no_grad():
            assert int(lm.model(torch.tensor([ids]))[0, -1].argmax()) == id
        ids.append(id)


def beams_are_scored(lm: LanguageModel) -> None:
    """Three beams are three texts, and the best has the scores of a pass without a cache."""
    found = lm.generate("the", beams=3, n=3, max_new_tokens=9)
    assert len({one.ids for one in found}) == 3  # type: ignore[union-attr]
    best = found[0]  # type: ignore[index]
    ids = torch.tensor([[*best.prompt_ids, *best.ids]])
    with torch.no_grad():
        logprobs = lm.model(ids)[0].log_softmax(-1)
    n = len(best.prompt_ids)
    wanted = [float(logprobs[n - 1 + i, id]) for i, id in enumerate(best.ids)]
    assert best.logprobs == pytest.approx(wanted, abs=1e-9)


def there_is_no_engine(lm: LanguageModel, folder: Path, *, kind: str) -> None:
    """Who insists on the engine is told; who does not has the readable model."""
    save_checkpoint(folder, lm.model.float(), lm.tokenizer)
    with pytest.raises(ConfigError, match=rf"The engine knows GPT-2 and.*'{kind}'"):
        load(folder, dtype="int8")
    with pytest.warns(UserWarning, match="the readable model"):
        load(folder, dtype="auto")
