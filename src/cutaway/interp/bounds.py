"""Whether a layer, a head, a position or a token that somebody asks for is there."""

from collections.abc import Collection

from cutaway.errors import ConfigError, OutOfRange, UnknownName

__all__ = [
    "PartOutside",
    "check_choice",
    "check_count",
    "check_index",
    "check_range",
    "check_vocab",
    "part_outside",
]


class PartOutside(ConfigError):
    """A part ``a:b`` is empty or leaves what it is a part of."""


def part_outside(name: str, shown: str, n: int) -> PartOutside:
    """The error for such a part of ``n`` things."""
    hint = f"It must be a part, not empty, of 0:{n}."
    return PartOutside(f"{name} is {shown!r}.", hint, name=name, given=shown, n=n)


def check_index(name: str, value: int, n: int) -> int:
    """Returns ``value`` if it counts one of ``n`` things from 0.

    >>> check_index("layer", 2, 6)
    2

    Raises:
        ConfigError: if it does not, with the value and the range.
    """
    if not _is_whole(value) or not 0 <= value < n:
        raise _outside(name, value, low=0, high=n - 1)
    return value


def check_count(name: str, value: int, n: int) -> int:
    """Returns ``value`` if it is a number of things from 1 to ``n``.

    Raises:
        ConfigError: if it is not, with the value and the range.
    """
    if not _is_whole(value) or not 1 <= value <= n:
        raise _outside(name, value, low=1, high=n)
    return value


def check_range(name: str, value: slice, n: int) -> range:
    """The positions that a slice of ``n`` means; counted from 0, never from the end.

    >>> check_range("rows", slice(2, 8, 3), 10)
    range(2, 8, 3)

    Raises:
        ConfigError: if it leaves ``0:n``, is empty or runs backwards.
    """
    parts = [part for part in (value.start, value.stop, value.step) if part is not None]
    if all(_is_whole(part) and part >= 0 for part in parts) and value.step != 0:
        start, stop, step = value.start or 0, n if value.stop is None else value.stop, value.step
        if start < stop <= n:
            return range(start, stop, step or 1)
    shown = ":".join("" if part is None else f"{part}" for part in (value.start, value.stop))
    shown += "" if value.step is None else f":{value.step}"
    raise part_outside(name, shown, n)


def check_vocab(n_vocab: int | None, size: int) -> int:
    """Entries of the vocabulary that have a token: ``n_vocab``, or all ``size`` for None.

    Raises:
        ConfigError: if there are not so many.
    """
    return size if n_vocab is None else check_count("n_vocab", n_vocab, size)


def check_choice(name: str, value: str, known: Collection[str]) -> str:
    """Returns ``value`` if it is one of ``known``.

    Raises:
        ConfigError: if it is not, with the value and all that are.
    """
    if value not in known:
        hint = f"It must be one of {', '.join(known)}."
        raise UnknownName(f"{name} is {value!r}.", hint, name=str(value), known=", ".join(known))
    return value


def _outside(name: str, value: object, *, low: int, high: int) -> OutOfRange:
    hint = f"It must be a whole number from {low} to {high}."
    return OutOfRange(
        f"{name} is {value!r}.", hint, name=name, given=repr(value), low=low, high=high
    )


def _is_whole(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)
