"""What applications do alike: many texts at once, in parts that fit, none lost without a word."""

from collections.abc import Callable, Sequence
from itertools import islice
from typing import TypeVar

from cutaway.data.sentences import sentences
from cutaway.errors import CutawayError
from cutaway.generation import Completion, GenerationConfig, LanguageModel

__all__ = ["Ids", "attempted", "how_chosen", "how_drawn", "in_parts", "searched"]

T = TypeVar("T")
W = TypeVar("W")
Ids = list[int]


def attempted(
    texts: Sequence[str],
    *,
    read: Callable[[str], list[Ids]],
    write: Callable[[list[Ids]], list[W]],
    join: Callable[[str, list[Ids], list[W]], T],
) -> list[T | CutawayError]:
    """What is made of each text, or why nothing is: one bad text ends no other.

    Args:
        texts: to work on.
        read: the ids of a text, in parts that fit.
        write: what the model makes of each of many parts, one at least.
        join: what comes of a text, of its parts and of what was made of them.
    """
    parts: list[list[Ids] | CutawayError] = []
    for text in texts:
        try:
            parts.append(read(text))
        except CutawayError as error:
            parts.append(error)
    every = [part for some in parts if not isinstance(some, CutawayError) for part in some]
    written = iter(write(every) if every else ())
    return [
        some if isinstance(some, CutawayError) else join(text, some, [*islice(written, len(some))])
        for text, some in zip(texts, parts, strict=True)
    ]


def in_parts(lm: LanguageModel, text: str, room: int) -> list[Ids]:
    """A text in parts that end with sentences; a sentence that does not fit is cut up.

    Args:
        lm: whose vocabulary cuts it into tokens.
        text: of any length.
        room: tokens of a part, at most.
    """
    parts: list[Ids] = []
    for sentence in sentences(text):
        ids = lm.encode(f" {sentence}" if parts else sentence)
        if parts and len(parts[-1]) + len(ids) <= room:
            parts[-1] += ids
        else:
            ids = lm.encode(sentence)
            parts += [ids[i : i + room] for i in range(0, len(ids), room)]
    return parts


def searched(lm: LanguageModel, prompts: list[Ids], config: GenerationConfig) -> list[Completion]:
    """The best text that a search with beams finds behind each prompt."""
    return [texts[0] for texts in lm.search(prompts, end="likely", config=config)]


def how_chosen(config: GenerationConfig) -> str:
    """How a model that was taught chooses its words, for protocols."""
    n = config.no_repeat_ngram
    once = f", no {n} tokens twice" if n else ""
    if config.beams == 1:
        return f"the likeliest token always{once}"
    return (
        f"{config.beams} beams, log-probability / length^{config.length_penalty:g}{once}, ended "
        "when no live text would be better if it ended now"
    )


def how_drawn(config: GenerationConfig) -> str:
    """How a model that is to invent draws its words, for protocols."""
    if config.is_greedy:
        return "the likeliest"
    cut = f", top-k {config.top_k}" if config.top_k else ""
    cut += f", top-p {config.top_p:g}" if config.top_p < 1.0 else ""
    return f"temperature {config.temperature:g}{cut}"
