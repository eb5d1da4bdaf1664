"""The names of ``cutaway`` itself: there when asked for, and not paid for before."""

import subprocess
import sys

import pytest

import cutaway


def test_importing_loads_no_torch_and_the_names_come_when_used() -> None:
    program = (
        "import sys, cutaway\n"
        "assert 'torch' not in sys.modules and 'cutaway.generation' not in sys.modules\n"
        "assert 'load' in dir(cutaway)\n"
        "cutaway.ConfigError\n"
        "assert 'torch' not in sys.modules\n"
        "cutaway.GenerationConfig(top_k=3)\n"
        "assert 'cutaway.generation' in sys.modules and 'torch' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=120)


def test_every_name_is_there() -> None:
    assert len(cutaway.__all__) <= 12
    for name in cutaway.__all__:
        assert getattr(cutaway, name).__module__.startswith("cutaway.")


def test_another_name_is_not() -> None:
    with pytest.raises(AttributeError, match="'cutaway' has no attribute 'lode'"):
        cutaway.lode  # type: ignore[attr-defined]  # noqa: B018
