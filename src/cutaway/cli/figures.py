"""How commands that measure a model tell what they found."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

from cutaway.cli.output import stderr, stdout
from cutaway.cli.render import pad

if TYPE_CHECKING:
    from cutaway.evals.figures import Figure
    from cutaway.generation import LanguageModel

__all__ = ["Measured", "as_answer", "write_figures", "write_protocol"]


class Measured(Protocol):
    """A measurement."""

    @property
    def protocol(self) -> str:
        """How its numbers came about."""
        ...

    def to_dict(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        ...


def as_answer(lm: "LanguageModel", result: Measured, seconds: float) -> dict[str, Any]:
    """A measurement beside the model that was measured, ready for JSON."""
    named = {"model": lm.name, "fingerprint": lm.fingerprint, "seconds": round(seconds, 3)}
    return {**named, **result.to_dict()}


def write_figures(figures: "Sequence[Figure]", *, label: int, figure: int) -> None:
    """A line for each on stdout: its label and itself in so many columns, then the note."""
    for name, value, note in figures:
        out = stdout().write(pad(name, label)).write(f" {value:>{figure}}", "bold")
        out.line(f"  {note}".rstrip(), "dim")


def write_protocol(lm: "LanguageModel", result: Measured, seconds: float) -> None:
    """Whose figures they are and how they came about, on stderr."""
    stderr().line(f"{lm.name}: {result.protocol} ({seconds:.1f} s)", "dim")
