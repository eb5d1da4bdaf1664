"""The public names of every package, as a snapshot: a change to it is a decision.

After a decision: ``CUTAWAY_UPDATE=1 pytest tests/repo/test_public_api.py`` and commit the file.
"""

import inspect
import os
import re
from importlib import import_module
from pathlib import Path

SNAPSHOT = Path(__file__).parent / "public_api.txt"
PACKAGES = (
    "cutaway",
    "cutaway.checkpoints",
    "cutaway.data",
    "cutaway.errors",
    "cutaway.generation",
    "cutaway.interp",
    "cutaway.models",
    "cutaway.music",
    "cutaway.nn",
    "cutaway.numbers",
    "cutaway.tokenizers",
)


def signature(value: object) -> str:
    """The names, kinds and defaults of the parameters; annotations are pyright's to check."""
    try:
        parameters = inspect.signature(value).parameters.values()  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return ""
    plain = [p.replace(annotation=inspect.Parameter.empty) for p in parameters]
    shown = str(inspect.Signature(plain))
    return re.sub(r"<factory>|<object object at 0x[0-9a-f]+>|<.*? at 0x[0-9a-f]+>", "...", shown)


def members(name: str, value: object) -> list[str]:
    """A public name with its signature; a class with its public methods and properties."""
    if not inspect.isclass(value):
        return [f"{name}{signature(value) if callable(value) else ''}"]
    if issubclass(value, Exception):
        return [f"{name}({', '.join(base.__name__ for base in value.__bases__)})"]
    lines = [f"{name}{signature(value)}"]
    for inner, member in sorted(vars(value).items()):
        if inner.startswith("_"):
            continue
        if isinstance(member, classmethod | staticmethod):
            member = member.__func__
        callable_member = inspect.isfunction(member)
        lines.append(f"    .{inner}{signature(member) if callable_member else ''}")
    return lines


def public_api() -> str:
    lines: list[str] = []
    for package in PACKAGES:
        module = import_module(package)
        lines += [package, ""]
        for name in sorted(module.__all__):
            lines += [f"  {line}" for line in members(name, getattr(module, name))]
        lines.append("")
    return "\n".join(lines)


def test_public_names_are_those_of_the_snapshot() -> None:
    now = public_api()
    if os.environ.get("CUTAWAY_UPDATE"):
        SNAPSHOT.write_text(now, encoding="utf-8")
    assert now == SNAPSHOT.read_text(encoding="utf-8")
