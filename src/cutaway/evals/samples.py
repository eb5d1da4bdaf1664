"""The texts that a model is judged by: fixed prompts, fixed seed, GPT-2's own sampling."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel

__all__ = ["PROMPTS", "Samples", "draw_samples"]

PROMPTS = (
    "Once upon a time",
    "There was once a little girl who",
    "The old man looked at the sea and",
    '"Where are you going?" asked the',
    "In the middle of the forest stood",
    "The king had three sons. The youngest",
    "It was a cold winter night, and",
    "The dog ran across the field",
    "When the children came home from school,",
    "Far away, on the other side of the mountains,",
)
"""Ten beginnings, the same for every model, so that samples can be compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Samples:
    """Texts of a model, and how they were drawn.

    Attributes:
        prompts: the beginning of each text.
        texts: what the model wrote, without the beginning.
        ids: the same as tokens.
        per_prompt: samples of each prompt.
        max_new_tokens: after which a text was cut.
        top_k: draws were from the so many most probable tokens.
        temperature: of the draws.
        seed: that fixes the texts.
    """

    prompts: tuple[str, ...]
    texts: tuple[str, ...]
    ids: tuple[tuple[int, ...], ...]
    per_prompt: int
    max_new_tokens: int
    top_k: int
    temperature: float
    seed: int

    @property
    def protocol(self) -> str:
        """How the texts were drawn, in one line to be printed with every figure about them."""
        n_prompts = len(set(self.prompts))
        return (
            f"{len(self.texts)} samples ({self.per_prompt} of each of {n_prompts} prompts), "
            f"{sum(map(len, self.ids)):,} tokens, at most {self.max_new_tokens} in one; "
            f"top-k {self.top_k}, temperature {self.temperature:g}, seed {self.seed}; "
            "prompts not counted"
        )

    def to_dict(self) -> dict[str, Any]:
        """The texts with their prompts, ready for JSON."""
        pairs = zip(self.prompts, self.texts, strict=True)
        return {
            "protocol": self.protocol,
            "samples": [{"prompt": prompt, "text": text} for prompt, text in pairs],
        }


def draw_samples(
    lm: LanguageModel,
    *,
    prompts: Sequence[str] = PROMPTS,
    per_prompt: int = 10,
    max_new_tokens: int = 256,
    top_k: int = 40,
    temperature: float = 1.0,
    seed: int = 0,
) -> Samples:
    """Draws texts to be measured or read; the same arguments give the same texts.

    Args:
        lm: the model that writes.
        prompts: beginnings of the texts.
        per_prompt: samples of each.
        max_new_tokens: a text ends here, or earlier at ``<|endoftext|>``.
        top_k: draw from the so many most probable tokens.
        temperature: of the draws.
        seed: of all of them.

    Raises:
        ConfigError: for an impossible value, or no prompts.
        ContextLengthError: if a prompt and its text do not fit the model.
    """
    if not prompts or per_prompt < 1:
        raise ConfigError(
            f"{len(prompts)} prompts with {per_prompt} samples each.", "Ask for at least one."
        )
    groups = lm.generate(
        list(prompts),
        n=per_prompt,
        seed=seed,
        top_k=top_k,
        temperature=temperature,
        max_new_tokens=max_new_tokens,
    )
    drawn = [one for group in groups for one in (group if isinstance(group, list) else [group])]
    return Samples(
        prompts=tuple(prompt for prompt in prompts for _ in range(per_prompt)),
        texts=tuple(sample.text for sample in drawn),
        ids=tuple(_without(lm.tokenizer.eot, sample.ids) for sample in drawn),
        per_prompt=per_prompt,
        max_new_tokens=max_new_tokens,
        top_k=top_k,
        temperature=temperature,
        seed=seed,
    )


def _without(eot: int, ids: tuple[int, ...]) -> tuple[int, ...]:
    return ids[:-1] if ids[-1:] == (eot,) else ids
