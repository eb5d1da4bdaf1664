"""The compiled kernel of attention, for the tests of this folder."""

from functools import partial

import pytest

from cutaway.errors import EngineUnavailable
from cutaway.nn import kernel


@pytest.fixture(params=["native", "any"])
def attention_level(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The library for this machine, and the one for any; without a compiler nothing is tested."""
    try:
        kernel.library(request.param)
    except EngineUnavailable as error:
        pytest.skip(error.what)
    monkeypatch.setattr(kernel, "library", partial(kernel.library, request.param))
    return request.param
