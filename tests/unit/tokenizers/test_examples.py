"""The examples in the docstrings are true."""

import doctest
import importlib
import pkgutil

import pytest

from cutaway import tokenizers

MODULES = [
    f"cutaway.tokenizers.{found.name}" for found in pkgutil.iter_modules(tokenizers.__path__)
]


@pytest.mark.parametrize("name", MODULES)
def test_examples(name: str) -> None:
    assert doctest.testmod(importlib.import_module(name)).failed == 0
