"""What the routes answer is what the package computes."""

import io
import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from cut1 import decoded
from starlette.testclient import TestClient

import cutaway
from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel
from cutaway.generation.draw import DrawKey, uniform
from cutaway.models import GPT2, GPT2Config, parameter_table
from cutaway.server import create_app
from lms import byte_tokenizer

TEXT = "the anthem the an"


@pytest.fixture
def ids(lm: LanguageModel) -> list[int]:
    return lm.encode(TEXT)


@pytest.fixture
def logits(lm: LanguageModel, ids: list[int]) -> torch.Tensor:
    with torch.no_grad():
        return lm.model(torch.tensor([ids]))[0, :, : lm.tokenizer.vocab_size]


def get(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def frame(client: TestClient, path: str) -> tuple[dict[str, Any], np.ndarray]:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    # A run is a hash of all that decides its numbers; a model's name may mean another one tomorrow.
    kept = "immutable" if path.startswith("/api/runs/") else "no-store"
    assert kept in answer.headers["cache-control"]
    header, data, _ = decoded(answer.content)
    return header, data


def test_models(client: TestClient, lm: LanguageModel) -> None:
    found = get(client, "/api/models")
    assert found["version"] == cutaway.__version__
    [model] = found["models"]
    assert model["name"] == found["current"]
    assert model["n_parameters"] == parameter_table(lm.model.config).total
    assert model["vocabulary"]["size"] == lm.tokenizer.vocab_size
    assert len(model["fingerprint"]) == 64  # made in memory, so of the weights themselves


def test_what_python_loads_is_a_name_and_never_a_path(lm: LanguageModel) -> None:
    names = ("pocket", "gpt2-xl", "openai-community/gpt2", "/models/of/mine/secret/mine", "./mine")
    models = [LanguageModel(lm.model, lm.tokenizer, name=name, fingerprint="f") for name in names]
    with TestClient(create_app(models), base_url="http://127.0.0.1") as client:
        answer = client.get("/api/models")
        found = {model["name"]: model["source"] for model in answer.json()["models"]}
        assert found == {
            "pocket": "pocket",
            "gpt2-xl": "gpt2-xl",
            "gpt2": "openai-community/gpt2",
            "mine": "<the path of mine>",
            "mine-2": "<the path of mine-2>",
        }
        run = client.post("/api/runs", json={"model": "mine", "text": "a"}).json()["run"]
        cell = client.get(f"/api/runs/{run}/cell?site=ln_f&i=0")
        assert "cutaway.load('<the path of mine>')" in cell.json()["python"]
        assert "secret" not in answer.text + cell.text


def test_parameters_and_vocabulary(client: TestClient, lm: LanguageModel) -> None:
    table = get(client, "/api/models/unnamed/parameters")
    assert sum(m["parameters"] * m["copies"] for m in table["matrices"]) == table["total"]
    tokens = get(client, "/api/models/unnamed/vocabulary")["tokens"]
    assert [bytes.fromhex(t) for t in tokens] == [
        lm.tokenizer.token_bytes(id) for id in range(lm.tokenizer.vocab_size)
    ]


def test_tokenize_says_where_and_how(client: TestClient, lm: LanguageModel) -> None:
    text = "the 你 an" * 9
    found = client.post("/api/models/unnamed/tokenize", json={"text": text}).json()
    assert found["ids"] == lm.encode(text)
    assert found["n_tokens"] == len(found["ids"]) > found["n_ctx"]  # told, not refused
    assert "".join(text[word["start"] : word["end"]] for word in found["words"]) == text
    assert [id for word in found["words"] for id in word["ids"]] == found["ids"]
    joined = b"".join(bytes.fromhex(token["bytes"]) for token in found["tokens"])
    assert joined == text.encode()


def test_a_run_is_its_model_ids_and_edits(client: TestClient, run: str, ids: list[int]) -> None:
    found = get(client, f"/api/runs/{run}")
    assert found["ids"] == ids
    assert [bytes.fromhex(t["bytes"]) for t in found["tokens"]]
    again = client.post("/api/runs", json={"ids": ids}).json()
    assert again == found
    edited = client.post("/api/runs", json={"ids": ids, "edits": {"heads_off": [[1, 2]]}}).json()
    assert edited["run"] != run
    assert edited["edits"]["heads_off"] == [[1, 2]]


def test_an_empty_text_starts_from_end_of_text(client: TestClient, lm: LanguageModel) -> None:
    assert client.post("/api/runs", json={"text": ""}).json()["ids"] == [lm.tokenizer.eot]


def test_next_words(client: TestClient, run: str, logits: torch.Tensor, ids: list[int]) -> None:
    probs = logits[4].double().softmax(-1)
    found = get(client, f"/api/runs/{run}/next?q=4&k=7")
    best = probs.topk(7)
    assert [c["id"] for c in found["candidates"]] == best.indices.tolist()
    for candidate, prob in zip(found["candidates"], best.values.tolist(), strict=True):
        assert candidate["prob"] == pytest.approx(prob, abs=1e-6)
    total = sum(c["prob"] for c in found["candidates"]) + found["rest_mass"]
    assert total == pytest.approx(1.0, abs=1e-9)
    assert found["n_rest"] == logits.shape[1] - 7
    assert get(client, f"/api/runs/{run}/next")["q"] == len(ids) - 1


def test_tensors(client: TestClient, run: str, lm: LanguageModel, ids: list[int]) -> None:
    from cutaway.interp import Recorder

    recorder = Recorder()
    with torch.no_grad():
        lm.model(torch.tensor([ids]), tap=recorder)
    n = len(ids)
    for site, query in [
        ("wte", ""),
        ("h.0.attn.q", ""),
        ("h.1.attn.q", "?head=3"),
        ("h.1.resid_mid", "?rows=2:4&cols=1:5"),
        ("h.1.attn.pattern", ""),
        ("h.0.attn.scores", "?head=2&rows=3:4"),
        ("h.1.mlp.post", "?rows=5:"),
        ("ln_f", ""),
        ("logits", f"?rows={n - 1}:{n}"),
    ]:
        expected = recorder.values[site][0]
        options = dict(part.split("=") for part in query.lstrip("?").split("&") if part)
        if "head" in options:
            expected = expected[int(options["head"])]
        for axis, name in ((-2, "rows"), (-1, "cols")):
            if name in options:
                a, b = options[name].split(":")
                a, b = int(a), int(b) if b else expected.shape[axis]
                expected = expected.narrow(axis, a, b - a)
        header, data = frame(client, f"/api/runs/{run}/tensor/{site}{query}")
        assert header["shape"] == list(expected.shape)
        np.testing.assert_allclose(data, expected.numpy().ravel(), rtol=1e-5, atol=2e-6)


def test_pixels_of_a_pattern_are_a_triangle(client: TestClient, run: str) -> None:
    exact, values = frame(client, f"/api/runs/{run}/tensor/h.1.attn.pattern?head=1")
    header, codes = frame(client, f"/api/runs/{run}/tensor/h.1.attn.pattern?head=1&dtype=u1")
    n = exact["shape"][0]
    assert header["layout"] == "tri"
    below = values.reshape(n, n)[np.tril_indices(n)]
    assert np.abs((codes / 255) ** 2 - below).max() < 0.004


def test_the_overview_holds_the_largest_weights(client: TestClient, run: str) -> None:
    whole, values = frame(client, f"/api/runs/{run}/tensor/h.1.attn.pattern")
    header, codes = frame(client, f"/api/runs/{run}/overview?layer=1&size=4")
    heads, n, _ = whole["shape"]
    assert header["shape"] == [heads, 4, 4]
    values = values.reshape(heads, n, n)
    edges = [n * i // 4 for i in range(5)]
    for i in range(4):
        for j in range(4):
            block = values[:, edges[i] : edges[i + 1], edges[j] : edges[j + 1]]
            expected = np.round(255 * np.sqrt(block.max((1, 2))))
            assert np.abs(codes.reshape(heads, 4, 4)[:, i, j] - expected).max() <= 1


def test_pooling_keeps_the_values_farthest_from_0(client: TestClient, run: str) -> None:
    exact, values = frame(client, f"/api/runs/{run}/tensor/h.0.mlp.pre")
    header, pooled = frame(client, f"/api/runs/{run}/tensor/h.0.mlp.pre?pool=3")
    values = values.reshape(exact["shape"])
    edges = [[n * i // 3 for i in range(4)] for n in values.shape]
    assert header["shape"] == [3, 3]
    for i, found in enumerate(pooled.reshape(3, 3)):
        for j, value in enumerate(found):
            (a, b), (c, d) = edges[0][i : i + 2], edges[1][j : j + 2]
            part = values[a:b, c:d].ravel()
            assert value == part[np.abs(part).argmax()]
    assert (pooled < 0).any()


CELLS = [
    ("wte", {"i": 3}),
    ("wpe", {"i": 3}),
    ("h.0.resid_pre", {"i": 2}),
    ("h.1.resid_pre", {"i": 2}),
    ("h.0.ln_1", {"i": 4}),
    ("h.1.attn.qkv", {"i": 41}),
    ("h.1.attn.q", {"head": 2, "i": 1}),
    ("h.1.attn.k", {"head": 4, "i": 3}),
    ("h.1.attn.v", {"head": 0, "i": 2}),
    ("h.1.attn.scores", {"head": 1, "k": 2}),
    ("h.1.attn.pattern", {"head": 1, "k": 2}),
    ("h.1.attn.z", {"head": 3, "i": 0}),
    ("h.1.attn_out", {"i": 6}),
    ("h.1.resid_mid", {"i": 6}),
    ("h.0.ln_2", {"i": 6}),
    ("h.0.mlp.pre", {"i": 66}),
    ("h.0.mlp.post", {"i": 66}),
    ("h.0.mlp_out", {"i": 9}),
    ("h.0.resid_post", {"i": 9}),
    ("ln_f", {"i": 9}),
    ("logits", {"i": 259}),
]


@pytest.mark.parametrize(("site", "place"), CELLS)
def test_a_cell_its_operands_and_its_python(
    client: TestClient,
    lm: LanguageModel,
    monkeypatch: pytest.MonkeyPatch,
    site: str,
    place: dict[str, int],
) -> None:
    edits = {"heads_off": [[0, 1]], "neurons_off": [[1, 5]]}
    run = client.post("/api/runs", json={"text": TEXT, "edits": edits}).json()["run"]
    query = "&".join(f"{name}={value}" for name, value in place.items())
    found = get(client, f"/api/runs/{run}/cell?site={site}&q=4&{query}")
    monkeypatch.setattr(cutaway, "load", lambda name: lm)
    *lines, last = found["python"].splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(lines), names)
    assert eval(last, names) == pytest.approx(found["value"], abs=1e-7)
    operands = {o["name"]: np.array(o["values"]) for o in found["operands"]}
    assert computed(found["formula"], operands, place) == pytest.approx(
        found["value"], rel=2e-5, abs=2e-6
    ) or site in ("wte", "wpe")


def test_a_cell_that_an_edit_made_says_so(client: TestClient, run: str) -> None:
    other = client.post("/api/runs", json={"text": "an"}).json()["run"]
    edits = {
        "heads_off": [[0, 1]],
        "neurons_off": [[1, 5]],
        "patches": [{"layer": 1, "head": 3, "run": other}],
    }
    edited = client.post("/api/runs", json={"text": TEXT, "edits": edits}).json()["run"]
    for query, formula in [
        ("site=h.0.attn.z&head=1&q=4&i=2", "0: the head is off"),
        ("site=h.1.mlp.post&q=4&i=5", "0: the neuron is off"),
        ("site=h.1.attn.z&head=3&q=0&i=2", f"z of run {other}"),
        ("site=h.1.attn.z&head=3&q=4&i=2", "Σ weight · v"),  # beyond the other text
    ]:
        found = get(client, f"/api/runs/{edited}/cell?{query}")
        assert found["formula"] == formula
        operands = {o["name"]: np.array(o["values"]) for o in found["operands"]}
        assert computed(formula, operands, {}) == pytest.approx(found["value"], abs=1e-6)


def test_python_gives_the_bits_of_a_run_that_grew(
    client: TestClient, run: str, lm: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cutaway, "load", lambda name: lm)
    for id in (104, 99, 104):
        run = client.post(f"/api/runs/{run}/step", json={"id": id}).json()["info"]["run"]
    n = len(get(client, f"/api/runs/{run}")["ids"])
    for q in range(n):
        found = get(client, f"/api/runs/{run}/cell?site=ln_f&q={q}&i=3")
        *lines, last = found["python"].splitlines()
        names: dict[str, Any] = {}
        exec("\n".join(lines), names)
        assert eval(last, names) == found["value"]


def computed(formula: str, operands: dict[str, np.ndarray], place: dict[str, int]) -> float:
    """The formula in float64, from the operands that were told."""
    values = list(operands.values())
    if formula.startswith("q · k"):
        return float(values[0] @ values[1] / np.sqrt(len(values[0])))
    if formula.startswith("exp"):
        weights = np.exp(values[0] - values[0].max())
        return float(weights[place["k"]] / weights.sum())
    if formula.startswith("(x["):
        x = values[0]
        scaled = (x[place["i"]] - x.mean()) / np.sqrt(x.var() + 1e-5)
        return float(scaled * operands["gain"][0] + operands["bias"][0])
    if formula == "GELU(pre)":
        x = values[0][0]
        return float(0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3))))
    if "·" in formula:
        return float(values[0] @ values[1] + (values[2][0] if len(values) > 2 else 0.0))
    return float(sum(value[0] for value in values))


def test_a_draw_is_the_one_that_generation_makes(client: TestClient, lm: LanguageModel) -> None:
    run = client.post("/api/runs", json={"text": TEXT}).json()
    for seed in range(6):
        query = f"seed={seed}&top_k=12&top_p=0.9&temperature=0.8"
        found = get(client, f"/api/runs/{run['run']}/draw?{query}")
        written = lm.generate(
            run["ids"], seed=seed, top_k=12, top_p=0.9, temperature=0.8, max_new_tokens=1
        )
        assert [found["token"]["id"]] == list(written.ids)
        assert found["u"] == uniform(DrawKey(seed, 0, len(run["ids"])))
        assert found["low"] <= found["u"] < found["high"]
        assert found["n_kept"] == len(found["kept"]) <= 12
        assert sum(found["kept_prob"]) == pytest.approx(1.0)


def test_a_step_reads_one_token(client: TestClient, run: str, ids: list[int]) -> None:
    found = client.post(f"/api/runs/{run}/step", json={"id": 104}).json()
    assert found["info"]["ids"] == [*ids, 104]
    assert (found["made_from"], found["made_to"]) == (len(ids), len(ids) + 1)
    whole = client.post("/api/runs", json={"ids": [*ids, 104]}).json()
    assert whole["run"] == found["info"]["run"]


def events(text: str) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for block in text.strip().split("\n\n"):
        event, data = block.split("\n")
        found.append((event.removeprefix("event: "), json.loads(data.removeprefix("data: "))))
    return found


def test_generation_writes_what_the_package_writes(
    client: TestClient, run: str, lm: LanguageModel, ids: list[int]
) -> None:
    settings = {"top_k": 20, "repetition_penalty": 1.3, "temperature": 0.9}
    body = {"n": 9, "seed": 5, "settings": settings}
    answer = client.post(f"/api/runs/{run}/generate", json=body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    *tokens, (last, done) = events(answer.text)
    written = lm.generate(ids, seed=5, max_new_tokens=9, **settings)
    assert [data["id"] for _, data in tokens] == list(written.ids)
    assert last == "done"
    assert done["info"]["ids"] == [*ids, *written.ids]
    assert get(client, f"/api/runs/{tokens[3][1]['run']}")["ids"] == [*ids, *written.ids[:4]]


def test_a_model_that_was_taught_pairs_may_say_its_source_again(
    enliven: Callable[..., GPT2],
) -> None:
    tokenizer, task = byte_tokenizer().with_specials(["<sum>"]), TaskFormat(marker="<sum>")
    size = GPT2Config(vocab_size=tokenizer.vocab_size, n_ctx=24, n_embd=20, n_layer=1, n_head=5)
    model = enliven(GPT2(size))
    ids = task.prompt_ids(tokenizer, "an anthem")
    model.ln_f.bias.data += 9 * model.wte.weight.data[ids[0]]  # its favourite, which the source has
    lm = LanguageModel(model, tokenizer, task=task)
    settings = {"temperature": 0.0, "top_k": 0, "no_repeat_ngram": 1}
    with TestClient(create_app([lm]), base_url="http://127.0.0.1") as client:
        run = client.post("/api/runs", json={"ids": ids}).json()["run"]
        body = {"n": 4, "settings": settings}
        *tokens, _ = events(client.post(f"/api/runs/{run}/generate", json=body).text)
    written = [data["id"] for _, data in tokens]
    assert written == list(lm.generate(ids, max_new_tokens=4, **settings).ids)
    assert written.count(ids[0]) == 1


def test_generation_ends_at_the_context(client: TestClient, run: str, ids: list[int]) -> None:
    answer = client.post(f"/api/runs/{run}/generate", json={"n": 500, "seed": 2})
    event, done = events(answer.text)[-1]
    assert event == "done"
    assert done["reason"] in ("context", "end_of_text")
    assert len(done["info"]["ids"]) <= done["info"]["n_ctx"]


def test_npz_is_bounded(client: TestClient, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from cutaway.server import slices

    monkeypatch.setattr(slices, "_MAX_NUMBERS", 1_000)
    sites = [f"h.{layer}.{name}" for layer in (0, 1) for name in ("attn.qkv", "mlp.pre")]
    assert client.get(f"/api/runs/{run}/npz?sites={sites[0]}").status_code == 200
    problem = client.get(f"/api/runs/{run}/npz?sites={','.join(sites)}")
    assert problem.status_code == 422
    assert "1,000" in problem.json()["what"]


def test_npz_has_full_precision_and_a_receipt(client: TestClient, run: str, ids: list[int]) -> None:
    answer = client.get(f"/api/runs/{run}/npz?sites=h.1.attn.q,ln_f")
    with np.load(io.BytesIO(answer.content)) as archive:
        receipt = json.loads(str(archive["receipt"]))
        assert archive["h.1.attn.q"].shape == (5, len(ids), 4)
        assert archive["ln_f"].dtype == np.float32
    assert receipt["ids"] == ids
    assert receipt["run"] == run
