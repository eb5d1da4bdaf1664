"""The explorer of an encoder-decoder: what belongs to the model is shown, and a run is refused."""

from collections.abc import Callable, Iterator

import pytest
from starlette.testclient import TestClient

from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel
from cutaway.models import EncoderDecoder, TransformerConfig
from cutaway.server import create_app
from lms import byte_tokenizer


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., EncoderDecoder]) -> LanguageModel:
    tokenizer = byte_tokenizer().with_specials(["<to-de>"])
    size = TransformerConfig(
        vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=2, n_head=5, n_inner=24
    )
    task = TaskFormat(task="translation", marker="<to-de>")
    return LanguageModel(enliven(EncoderDecoder(size)), tokenizer, task=task)


@pytest.fixture
def client(lm: LanguageModel) -> Iterator[TestClient]:
    with TestClient(create_app([lm]), base_url="http://127.0.0.1") as client:
        yield client


@pytest.mark.parametrize(
    "path",
    [
        "parameters",
        "vocabulary",
        "embedding/map",
        "embedding/7",
        "weights/wte.weight",
        "weights/h.1.cross.c_proj.weight",
        "weights/encoder.0.attn.c_q.weight?rows=0:2&cols=1:4",
    ],
)
def test_what_belongs_to_the_model_is_shown(client: TestClient, path: str) -> None:
    answer = client.get(f"/api/models/unnamed/{path}")
    assert answer.status_code == 200, answer.text


def test_the_model_is_told(client: TestClient, lm: LanguageModel) -> None:
    [info] = client.get("/api/models").json()["models"]
    assert info["n_parameters"] == sum(p.numel() for p in lm.model.parameters())
    assert info["config"]["n_inner"] == 24
    assert info["config"]["layer_norm_epsilon"] == 1e-6
    assert info["task"]["marker"] == "<to-de>"
    answer = client.post("/api/models/unnamed/tokenize", json={"text": "the can"})
    assert answer.status_code == 200


def test_a_run_is_refused_with_the_way_out(client: TestClient) -> None:
    answer = client.post("/api/runs", json={"text": "the can"})
    assert answer.status_code == 422
    told = answer.json()
    assert told["error"] == "ConfigError"
    assert "an encoder-decoder cannot be drawn: it reads two texts" in told["what"]
    assert "--alignment" in told["hint"]
