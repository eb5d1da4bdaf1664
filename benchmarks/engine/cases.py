"""What is measured, and the ids it is measured on: the same for all engines in the same round."""

import random
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["CASES", "END_OF_TEXT", "Case", "ids"]

N_VOCAB = 50257
END_OF_TEXT = 50256

Kind = Literal["decode", "busy", "prefill", "score", "start", "memory"]


def ids(n: int, *seed: int) -> list[int]:
    """``n`` random ids, never end-of-text."""
    return random.Random(repr(seed)).choices(range(END_OF_TEXT), k=n)


@dataclass(frozen=True)
class Case:
    """One column of the table.

    Attributes:
        name: on the command line.
        title: in the table.
        kind: ``busy`` is decode while another process has one core; ``start`` and ``memory``
            each take a fresh process.
        batch: texts at once.
        prompt: tokens of each before the first new one.
        new: tokens added to each.
        goal: what the ratio to the best peer is to be; None where there is another goal.
    """

    name: str
    title: str
    kind: Kind
    batch: int = 1
    prompt: int = 32
    new: int = 64
    goal: float | None = None

    @property
    def unit(self) -> str:
        return {"start": "s", "memory": "MB"}.get(self.kind, "tokens/s")

    @property
    def more_is_better(self) -> bool:
        return self.unit == "tokens/s"

    def request(self, round_: int) -> dict[str, Any]:
        """What the workers are asked in a round."""
        if self.kind == "prefill":
            return {"case": "prefill", "ids": ids(self.prompt, round_)}
        if self.kind == "score":
            return {"case": "score", "ids": [END_OF_TEXT, *ids(self.prompt - 1, round_)]}
        prompts = [ids(self.prompt, round_, row) for row in range(self.batch)]
        return {"case": "decode", "prompts": prompts, "new": self.new}


CASES = {
    case.name: case
    for case in (
        Case("decode-32", "32", "decode", goal=1.3),
        Case("decode-900", "900", "decode", prompt=900, goal=1.3),
        Case("batch-8", "b8", "decode", batch=8, new=32, goal=1.2),
        Case("batch-32", "b32", "decode", batch=32, new=32, goal=1.2),
        Case("prefill", "prefill", "prefill", prompt=1024, goal=1.2),
        Case("score", "scoring", "score", prompt=1024, goal=1.2),
        Case("busy", "one core taken", "busy", new=16),  # some engines fall to a token a second
        Case("start", "start s", "start", prompt=8, new=1),
        Case("memory", "peak MB", "memory"),
    )
}
