"""Labels of a classification: what can be one, and the token that stands for each."""

from collections.abc import Collection, Sequence

from cutaway.errors import ConfigError, DataError, nearest

__all__ = ["MOST_LABELS", "check_labels", "label_token", "unknown_label"]

MOST_LABELS = 1_000
"""Of a task: what has more is hardly a label."""

_LONGEST = 56  # characters: a special token has at most 64


def label_token(label: str) -> str:
    """The name of the special token that stands for a label.

    >>> label_token("very good")
    '<label:very_good>'
    """
    return f"<label:{'_'.join(label.split())}>"


def check_labels(labels: Sequence[str]) -> None:
    """Sees to it that there are several labels, and that they can be told apart.

    Raises:
        ConfigError: naming what is wrong.
    """
    if not 2 <= len(labels) <= MOST_LABELS:
        raise ConfigError(
            f"A classification has {len(labels):,} label(s).",
            f"Give 2 to {MOST_LABELS:,}; is this what is to be told apart?",
        )
    seen: dict[str, str] = {}
    for label in labels:
        if not label.strip() or len(label) > _LONGEST or not label.isprintable():
            raise ConfigError(
                f"{label[:_LONGEST]!r} cannot be a label.",
                f"Take 1 to {_LONGEST} characters that print.",
            )
        token = label_token(label)
        if token in seen:
            raise ConfigError(
                f"The labels {seen[token]!r} and {label!r} would be one token.",
                "Name each once; a blank and _ are the same in it.",
            )
        seen[token] = label


def unknown_label(label: str, labels: Collection[str], *, where: str = "") -> DataError:
    """What is raised for a label that is not among those of a task.

    Args:
        label: that somebody gave.
        labels: of the task.
        where: its file and line.
    """
    place = f"{where}: the" if where else "The"
    what = f"{place} label {label[:80]!r} is none of the {len(labels)} of the task."
    return DataError(what, nearest(label, labels))
