"""Engines of small models, for the tests of this folder."""

import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import get_args

import pytest

from cutaway import compiling
from cutaway.engine import Engine, Format, build
from cutaway.errors import EngineUnavailable
from cutaway.models import Decoder, GPT2Config, MusicTransformerConfig

FORMATS: tuple[Format, ...] = get_args(Format)
SIZE = GPT2Config(vocab_size=301, n_ctx=150, n_embd=96, n_layer=2, n_head=4)
ODD = GPT2Config(vocab_size=37, n_ctx=40, n_embd=20, n_layer=1, n_head=4)
MUSIC = MusicTransformerConfig(
    vocab_size=301, n_ctx=150, n_embd=72, n_layer=2, n_head=3, n_inner=176, n_att=96,
    max_relative=40,
)  # fmt: skip
ODD_MUSIC = MusicTransformerConfig(
    vocab_size=37, n_ctx=40, n_embd=20, n_layer=1, n_head=5, n_inner=27, n_att=35, max_relative=64
)
NO_DISTANCES = MusicTransformerConfig(
    vocab_size=37, n_ctx=40, n_embd=34, n_layer=1, n_head=2, n_inner=64, n_att=12, max_relative=0
)
NARROW_INSIDE = MusicTransformerConfig(
    vocab_size=37, n_ctx=40, n_embd=7_000, n_layer=1, n_head=2, n_inner=16, n_att=32,
    max_relative=8,
)  # fmt: skip


WRITES = 'for last; do :; done; echo "$@" > "$last"'
"""A compiler's script: it writes what it was asked for."""


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache in which nothing is compiled yet."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    compiling._key.cache_clear()
    yield tmp_path
    compiling._key.cache_clear()


def a_compiler(tmp_path: Path, script: str) -> str:
    """A program that tells its version and else does what the script says."""
    path = tmp_path / "cxx"
    path.write_text(f'#!/bin/sh\nif [ "$1" = --version ]; then echo one 1.0; exit; fi\n{script}\n')
    path.chmod(path.stat().st_mode | stat.S_IEXEC)
    return str(path)


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

    def make(model: Decoder, format: Format, *, threads: int = 2, **settings: object) -> Engine:
        engine = Engine(model.config, format=format, threads=threads, **settings)  # type: ignore[arg-type]
        for name, weight in model.state_dict().items():
            engine.fill(name, weight)
        return engine

    return make
