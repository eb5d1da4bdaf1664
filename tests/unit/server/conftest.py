"""The explorer's app around a tiny model, asked in this process."""

from collections.abc import Callable, Iterator

import pytest
import torch

pytest.importorskip("fastapi", reason="the extra [explore] is not installed")
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Run
from cutaway.models import GPT2
from cutaway.server import create_app
from lms import language_model

BASE = "http://127.0.0.1"


@pytest.fixture(scope="session")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, n_ctx=24, dtype=torch.float32)


@pytest.fixture
def client(lm: LanguageModel) -> Iterator[TestClient]:
    with TestClient(create_app([lm]), base_url=BASE) as client:
        yield client


@pytest.fixture
def run(client: TestClient) -> str:
    """The id of a run of "the anthem the an"."""
    return client.post("/api/runs", json={"text": "the anthem the an"}).json()["run"]


@pytest.fixture
def opened(lm: LanguageModel) -> Run:
    """The same run in this process."""
    return Run(lm.model, lm.encode("the anthem the an"))
