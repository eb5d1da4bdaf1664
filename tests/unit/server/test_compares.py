"""Two runs side by side: the routes tell what the package's functions and plain passes find."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Run
from cutaway.interp.compare import divergence, head_changes
from cutaway.interp.gradient import gradient_times_input
from cutaway.models import GPT2, GPT2Config
from cutaway.server import create_app
from cutaway.tokenizers import Tokenizer
from lms import language_model

BASE = "http://127.0.0.1"
TEXT = "the anthem the an"


def bytes_only() -> Tokenizer:
    return Tokenizer.from_ranks({bytes([byte]): byte for byte in range(256)})


@pytest.fixture(scope="module")
def others(enliven: Callable[..., GPT2]) -> list[LanguageModel]:
    """Of the same shape; of another vocabulary and shape."""
    same = language_model(enliven, dtype=torch.float32, seed=4)
    vocabulary = bytes_only()
    size = GPT2Config(vocab_size=257, n_ctx=40, n_embd=8, n_layer=1, n_head=2)
    small = LanguageModel(enliven(GPT2(size), seed=6), vocabulary)
    return [
        LanguageModel(same.model, same.tokenizer, name="same"),
        LanguageModel(small.model, vocabulary, name="small"),
    ]


@pytest.fixture
def asked(lm: LanguageModel, others: list[LanguageModel]) -> Iterator[TestClient]:
    with TestClient(create_app([lm, *others]), base_url=BASE) as client:
        yield client


def open_run(client: TestClient, **body: Any) -> str:
    answer = client.post("/api/runs", json=body)
    assert answer.status_code == 200, answer.text
    return answer.json()["run"]


def get(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def probs(lm: LanguageModel, text: str) -> np.ndarray:
    with torch.no_grad():
        logits = lm.model(torch.tensor([lm.encode(text)]))[0, -1].double()
    return logits[: lm.tokenizer.vocab_size].softmax(-1).numpy()


def test_two_models_on_one_text(
    asked: TestClient, lm: LanguageModel, others: list[LanguageModel]
) -> None:
    a, b = open_run(asked, text=TEXT), open_run(asked, model="same", text=TEXT)
    found = get(asked, f"/api/runs/{a}/compare?with={b}")
    ids = lm.encode(TEXT)
    assert (found["one_vocabulary"], found["one_text"]) == (True, True)
    one, two = Run(lm.model, ids), Run(others[0].model, ids)
    places = [(i, i) for i in range(len(ids))]
    kl = divergence(one, two, places, n_vocab=lm.tokenizer.vocab_size)
    np.testing.assert_allclose([p["kl"] for p in found["pieces"]], kl, rtol=1e-6)
    assert found["mean_kl"] == pytest.approx(float(kl.mean()))
    assert found["pieces"][0]["nll"] is None
    loss = get(asked, f"/api/runs/{b}/loss")["nll"]
    assert [p["other_nll"] for p in found["pieces"]] == loss
    heads = get(asked, f"/api/runs/{a}/compare/heads?with={b}")
    expected = head_changes(one, two, places)
    np.testing.assert_allclose(heads["pattern"], expected.pattern, rtol=1e-5)
    np.testing.assert_allclose(heads["output"], expected.output, rtol=1e-5)


def test_next_words_of_both_in_one_list(
    asked: TestClient, lm: LanguageModel, others: list[LanguageModel]
) -> None:
    a, b = open_run(asked, text=TEXT), open_run(asked, model="same", text=TEXT)
    found = get(asked, f"/api/runs/{a}/compare/next?with={b}&k=5")
    here, there = probs(lm, TEXT), probs(others[0], TEXT)
    best = {*np.argsort(-here)[:5].tolist(), *np.argsort(-there)[:5].tolist()}
    assert {word["id"] for word in found["words"]} == best
    for word in found["words"]:
        for side, p in (("here", here), ("there", there)):
            assert word[side]["prob"] == pytest.approx(p[word["id"]], rel=1e-5)
            assert word[side]["rank"] == 1 + int((p > p[word["id"]]).sum())
    assert found["rest"] == pytest.approx(1 - np.sort(here)[-5:].sum(), abs=1e-6)
    assert [word["here"]["rank"] for word in found["words"][:5]] == [1, 2, 3, 4, 5]


def test_two_texts_meet_where_they_share_tokens(asked: TestClient, lm: LanguageModel) -> None:
    a, b = open_run(asked, text="the anthem"), open_run(asked, text="an anthem")
    found = get(asked, f"/api/runs/{a}/compare?with={b}")
    assert (found["one_vocabulary"], found["one_text"]) == (True, False)
    ids, other = lm.encode("the anthem"), lm.encode("an anthem")
    assert found["pieces"]
    for piece in found["pieces"]:
        assert ids[piece["start"]] == other[piece["other_start"]]
    last = get(asked, f"/api/runs/{a}/compare/next?with={b}")
    assert (last["q"], last["other_q"]) == (len(ids) - 1, len(other) - 1)
    alone = get(asked, f"/api/runs/{a}/compare/next?with={b}&q=0")
    assert (alone["other_q"], alone["words"]) == (None, [])


def test_two_vocabularies_have_no_divergence_but_the_same_bytes(
    asked: TestClient, lm: LanguageModel
) -> None:
    a, b = open_run(asked, text=TEXT), open_run(asked, model="small", text=TEXT)
    found = get(asked, f"/api/runs/{a}/compare?with={b}")
    assert (found["one_vocabulary"], found["mean_kl"]) == (False, None)
    assert {piece["kl"] for piece in found["pieces"]} == {None}
    assert sum(p["other_end"] - p["other_start"] for p in found["pieces"]) == len(TEXT)
    nll = get(asked, f"/api/runs/{b}/loss")["nll"]
    second = found["pieces"][1]
    own = nll[second["other_start"] : second["other_end"]]
    assert second["other_nll"] == pytest.approx(sum(own))
    words = get(asked, f"/api/runs/{a}/compare/next?with={b}&k=10")["words"]
    for word in words:
        if word["here"] is None or word["there"] is None:
            assert len(bytes.fromhex(word["bytes"])) != 1 or word["here"] is None
        else:
            assert len(bytes.fromhex(word["bytes"])) == 1
    answer = asked.get(f"/api/runs/{a}/compare/heads?with={b}")
    assert answer.status_code == 422
    assert "2 x 5 heads" in answer.json()["what"]


@pytest.mark.parametrize(
    "more", ["of=kl&q=3", "of=pattern&layer=1&head=2", "of=output&layer=1&head=2"]
)
def test_a_number_of_the_comparison_can_be_made_again(
    asked: TestClient, lm: LanguageModel, others: list[LanguageModel], more: str
) -> None:
    a, b = open_run(asked, text=TEXT), open_run(asked, model="same", text="an anthem the an")
    found = get(asked, f"/api/runs/{a}/compare/cell?with={b}&{more}")
    assert found["operands"]
    made = {"<the path of unnamed>": lm, "<the path of same>": others[0]}
    lines = found["python"].splitlines()
    names: dict[str, Any] = {}
    import cutaway

    before = cutaway.load
    cutaway.load = lambda name: made[name]  # type: ignore[assignment]
    try:
        exec("\n".join(lines[:-1]), names)
        value = eval(lines[-1], names)
    finally:
        cutaway.load = before
    assert value == pytest.approx(found["value"], rel=1e-9)


def test_a_cell_needs_a_word_or_a_head(asked: TestClient) -> None:
    a, b = open_run(asked, text="the anthem"), open_run(asked, text="an anthem")
    for more in ("of=kl&q=0", "of=pattern&layer=1", "of=output&layer=9&head=0"):
        answer = asked.get(f"/api/runs/{a}/compare/cell?with={b}&{more}")
        assert answer.status_code == 422, more
    assert asked.get(f"/api/runs/{a}/compare?with=none").status_code == 404


def test_gradient_times_input(client: TestClient, run: str, opened: Run, lm: LanguageModel) -> None:
    found = get(client, f"/api/runs/{run}/gradient?q=4&id=104&of=logit")
    expected = gradient_times_input(opened, q=4, id=104, of="logit")
    np.testing.assert_allclose(found["products"], expected.products, rtol=1e-5)
    assert found["value"] == pytest.approx(expected.value)
    own = get(client, f"/api/runs/{run}/gradient")
    assert own["token"]["id"] == int(opened.logits(len(opened.ids) - 1).argmax())
    assert own["of"] == "logprob"


def test_a_words_gradient_is_taken_apart(client: TestClient, run: str, opened: Run) -> None:
    found = get(client, f"/api/runs/{run}/gradient/cell?q=4&id=104&k=2")
    gradient, word = (np.array(operand["values"]) for operand in found["operands"])
    whole = get(client, f"/api/runs/{run}/gradient?q=4&id=104")
    assert found["value"] == pytest.approx(whole["products"][2], rel=1e-6)
    assert gradient @ word == pytest.approx(found["value"], rel=1e-4)
    assert "products[2].item()" in found["python"]
    assert client.get(f"/api/runs/{run}/gradient/cell?q=4&id=104&k=5").status_code == 422
