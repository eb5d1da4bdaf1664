"""From what a user names to who is measured at what, and who is not and why."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec

from cutaway.benchmarking.cases import CASES, QUICK, STEADY, Case
from cutaway.benchmarking.contenders import (
    CONTENDERS,
    NEEDS,
    OURS,
    READABLE,
    WEIGHT_ONLY,
    WIDTHS,
    Contender,
)
from cutaway.benchmarking.shape import Shape
from cutaway.errors import unknown

__all__ = ["DTYPES", "ENGINES", "Absent", "chosen_cases", "chosen_contenders", "dtype_of", "label"]

DTYPES = {"float32": "fp32", "bfloat16": "bf16", "int8": "int8", "int4": "int4"}
"""The widths, by the names that `--dtype` has everywhere."""
_SHORT = {"fp32": "float32", "bf16": "bfloat16"}
ENGINES = {"cutaway": OURS} | {
    one.module.replace("_cpp", "").replace("_", ""): one.engine
    for one in CONTENDERS
    if one.engine != OURS
}
_ALIASES = {"llama.cpp": "llama", "llama_cpp": "llama", "llamacpp": "llama", "ort": "onnxruntime"}


@dataclass(frozen=True, slots=True)
class Absent:
    """An engine, or a case, that is not measured, and why."""

    name: str
    reason: str


def dtype_of(width: str) -> str:
    """A width as the user calls it.

    >>> dtype_of("bf16")
    'bfloat16'
    """
    return next(name for name, theirs in DTYPES.items() if theirs == width)


def label(contender: Contender) -> str:
    """An engine with its format, the format's own name behind it where it has one.

    >>> from cutaway.benchmarking.contenders import CONTENDERS
    >>> label(CONTENDERS[1]), label(next(c for c in CONTENDERS if c.note == "Q8_0"))
    ('Cutaway int8', 'llama.cpp int8 (Q8_0)')
    """
    name = f"{contender.engine} {dtype_of(contender.width)}"
    return f"{name} ({contender.note})" if contender.note else name


def chosen_cases(names: Sequence[str], shape: Shape) -> tuple[list[Case], list[Absent]]:
    """The cases named, in the order of the table, and those too long for the model.

    Raises:
        UnknownName: with the nearest known name.
    """
    for name in names:
        if name not in (*STEADY, "all"):
            raise unknown("case", name, [*STEADY, "all"])
    wanted = [CASES[name] for name in STEADY if name in (names or QUICK) or "all" in names]
    too_long = [case for case in wanted if case.positions > shape.n_ctx]
    absent = [
        Absent(case.name, f"takes {case.positions:,} positions, the model has {shape.n_ctx:,}")
        for case in too_long
    ]
    return [case for case in wanted if case not in too_long], absent


def chosen_contenders(
    engines: Sequence[str],
    dtypes: Sequence[str],
    *,
    has_engine: bool,
    is_there: Callable[[str], bool] | None = None,
) -> tuple[list[Contender], list[Absent]]:
    """Who takes part, narrow widths first, and of the engines that do not, why.

    Args:
        engines: as in :data:`ENGINES`; all if there are none.
        dtypes: of our engine; all of :data:`DTYPES` if there are none.
        has_engine: whether ours can be compiled; the readable model takes its place otherwise.
        is_there: whether a package can be imported.

    Raises:
        UnknownName: with the nearest known name.
    """
    widths = [_width(name) for name in dtypes] or list(WIDTHS)
    wanted = [_engine(name) for name in engines] or list(ENGINES.values())
    chosen: list[Contender] = []
    if OURS in wanted:
        chosen += _ours(dtypes, widths) if has_engine else [READABLE]
    absent: list[Absent] = []
    for engine in (engine for engine in wanted if engine != OURS):
        peers = _one_a_width(one for one in CONTENDERS if one.engine == engine)
        missing = _missing(peers[0].module, is_there or _can_be_imported)
        fitting = [one for one in peers if one.width in widths]
        if missing:
            absent.append(Absent(engine, missing))
        elif not fitting:
            has = " and ".join(sorted(dtype_of(one.width) for one in peers))
            absent.append(Absent(engine, f"has {has} only"))
        else:
            chosen += fitting
    return sorted(chosen, key=lambda one: WIDTHS.index(one.width)), absent


def _ours(dtypes: Sequence[str], widths: Sequence[str]) -> list[Contender]:
    known = [one for one in CONTENDERS if one.engine == OURS and one.width in widths]
    exact = {_SHORT.get(name, name) for name in dtypes}
    if WEIGHT_ONLY.format not in exact:
        return known
    return [one for one in known if one.format in exact] + [WEIGHT_ONLY]


def _one_a_width(contenders: Iterable[Contender]) -> list[Contender]:
    """The first of each width: an engine's other settings are for `benchmarks/engine`."""
    first: dict[str, Contender] = {}
    for one in contenders:
        first.setdefault(one.width, one)
    return list(first.values())


def _width(dtype: str) -> str:
    name = _SHORT.get(dtype, dtype)
    if name == WEIGHT_ONLY.format:
        return WEIGHT_ONLY.width
    if name not in DTYPES:
        raise unknown("dtype", dtype, [*DTYPES, WEIGHT_ONLY.format])
    return DTYPES[name]


def _engine(name: str) -> str:
    name = _ALIASES.get(name.lower(), name.lower())
    if name not in ENGINES:
        raise unknown("engine", name, ENGINES)
    return ENGINES[name]


def _missing(module: str, is_there: Callable[[str], bool]) -> str:
    """Why an engine cannot be driven here; empty if it can."""
    lacking = [name for name in NEEDS[module] if not is_there(name)]
    if NEEDS[module][0] in lacking:
        return "not installed"
    return f"needs {', '.join(lacking)} beside it to take these weights" if lacking else ""


def _can_be_imported(name: str) -> bool:
    with suppress(ImportError, ValueError):
        return find_spec(name) is not None
    return False
