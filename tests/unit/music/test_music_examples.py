"""The examples in the docstrings of music are true."""

import doctest
import importlib
import pkgutil

import pytest

from cutaway import music

MODULES = [f"cutaway.music.{found.name}" for found in pkgutil.iter_modules(music.__path__)]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
