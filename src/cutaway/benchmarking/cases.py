"""What is measured, and the ids it is measured on: the same for all engines in the same round."""

import random
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["CASES", "QUICK", "STEADY", "Case", "end_of_text", "ids"]

Kind = Literal["decode", "busy", "prefill", "score", "start", "memory"]


def end_of_text(vocab_size: int) -> int:
    """The id that texts to score begin with: the last of the vocabulary, as in GPT-2's."""
    return vocab_size - 1


def ids(n: int, *seed: int, vocab_size: int) -> list[int]:
    """``n`` random ids, never end-of-text."""
    return random.Random(repr(seed)).choices(range(end_of_text(vocab_size)), k=n)


@dataclass(frozen=True)
class Case:
    """One column of the table.

    Attributes:
        name: on the command line.
        title: in a table of many columns.
        about: in words.
        kind: ``busy`` is decode while another process has one core; ``start`` and ``memory``
            each take a fresh process.
        batch: texts at once.
        prompt: tokens of each before the first new one.
        new: tokens added to each.
        goal: what the ratio to the best peer is to be; None where there is another goal.
    """

    name: str
    title: str
    about: str
    kind: Kind
    batch: int = 1
    prompt: int = 32
    new: int = 64
    goal: float | None = None

    @property
    def unit(self) -> str:
        """Of its figures."""
        return {"start": "s", "memory": "MB"}.get(self.kind, "tokens/s")

    @property
    def more_is_better(self) -> bool:
        """Whether the figures are rates."""
        return self.unit == "tokens/s"

    @property
    def positions(self) -> int:
        """Tokens of the longest text that the model has to hold."""
        return self.prompt + (0 if self.kind in ("prefill", "score") else self.new)

    def request(self, round_: int, vocab_size: int) -> dict[str, Any]:
        """What the workers are asked in a round."""
        if self.kind == "prefill":
            return {"case": "prefill", "ids": ids(self.prompt, round_, vocab_size=vocab_size)}
        if self.kind == "score":
            text = ids(self.prompt - 1, round_, vocab_size=vocab_size)
            return {"case": "score", "ids": [end_of_text(vocab_size), *text]}
        rows = range(self.batch)
        prompts = [ids(self.prompt, round_, row, vocab_size=vocab_size) for row in rows]
        return {"case": "decode", "prompts": prompts, "new": self.new}


CASES = {
    case.name: case
    for case in (
        Case("decode-32", "32", "one text behind 32 tokens", "decode", goal=1.3),
        Case("decode-900", "900", "one text behind 900", "decode", prompt=900, goal=1.3),
        Case("batch-8", "b8", "8 texts at once", "decode", batch=8, new=32, goal=1.2),
        Case("batch-32", "b32", "32 texts at once", "decode", batch=32, new=32, goal=1.2),
        Case("prefill", "prefill", "reading 1,024 tokens", "prefill", prompt=1024, goal=1.2),
        Case("score", "scoring", "scoring 1,024 tokens", "score", prompt=1024, goal=1.2),
        # Some engines fall to a token a second here.
        Case("busy", "one core taken", "one text, one core taken", "busy", new=16),
        Case("start", "start s", "start to first token", "start", prompt=8, new=1),
        Case("memory", "peak MB", "peak memory", "memory"),
    )
}
STEADY = [name for name, case in CASES.items() if case.kind in ("decode", "prefill", "score")]
"""Those of a running engine on a quiet machine."""
QUICK = ["decode-32", "batch-8", "prefill"]
