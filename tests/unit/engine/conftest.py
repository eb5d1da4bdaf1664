"""Engines of small models, for the tests of this folder."""

from collections.abc import Callable
from typing import get_args

import pytest

from cutaway.engine import Engine, Format, build
from cutaway.errors import EngineUnavailable
from cutaway.models import GPT2, GPT2Config

FORMATS: tuple[Format, ...] = get_args(Format)
SIZE = GPT2Config(vocab_size=301, n_ctx=150, n_embd=96, n_layer=2, n_head=4)
ODD = GPT2Config(vocab_size=37, n_ctx=40, n_embd=20, n_layer=1, n_head=4)


@pytest.fixture(scope="session")
def compiled() -> None:
    """The library of this machine; without a compiler there is nothing to test."""
    try:
        build()
    except EngineUnavailable as error:
        pytest.skip(error.what)


@pytest.fixture
def engine_of(compiled: None) -> Callable[..., Engine]:
    """An engine with the weights of a model."""

    def make(model: GPT2, format: Format, *, threads: int = 2, **settings: object) -> Engine:
        engine = Engine(model.config, format=format, threads=threads, **settings)  # type: ignore[arg-type]
        for name, weight in model.state_dict().items():
            engine.fill(name, weight)
        return engine

    return make
