"""The routes of the views tell what the package's own functions find."""

from typing import Any

import numpy as np
import pytest
from cut1 import decoded
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Run
from cutaway.interp.heads import head_scores, head_weights
from cutaway.interp.ledger import multiply_adds


def get(client: TestClient, path: str) -> Any:
    answer = client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_top_of_the_lens_is_what_the_model_says(client: TestClient, run: str) -> None:
    found = get(client, f"/api/runs/{run}/lens")
    said = get(client, f"/api/runs/{run}/next?k=1")["candidates"][0]
    assert found["best"][-1][-1] == said["id"] == found["id"][-1]
    assert found["best_prob"][-1][-1] == pytest.approx(said["prob"], rel=1e-5)
    assert set(found["rank"][-1]) == {1}
    part = get(client, f"/api/runs/{run}/lens?rows=2:4&id=104")
    assert part["start"] == 2
    assert part["id"] == [104, 104]
    assert part["best"] == [row[2:4] for row in found["best"]]
    assert {t["id"] for t in part["tokens"]} >= {104, *part["best"][0], *part["best"][-1]}


def test_heads(client: TestClient, run: str, opened: Run) -> None:
    found = get(client, f"/api/runs/{run}/heads?q=5&k=2")
    np.testing.assert_allclose(found["weight"], head_weights(opened, q=5, k=2), rtol=1e-4)
    scores = head_scores(opened)
    np.testing.assert_allclose(found["previous"], scores.previous, rtol=1e-4)
    assert found["n_repeats"] == scores.n_induction > 0


def test_heads_and_bias_add_up(client: TestClient, run: str) -> None:
    found = get(client, f"/api/runs/{run}/merge?layer=1&q=4&vectors=true")
    parts = [np.array(part["vector"]) for part in (*found["heads"], found["bias"])]
    np.testing.assert_allclose(sum(parts), found["attn_out"]["vector"], atol=1e-5)
    pushes = sum(part["push"] for part in (*found["heads"], found["bias"]))
    assert pushes == pytest.approx(found["attn_out"]["push"], abs=1e-4)
    assert get(client, f"/api/runs/{run}/merge?layer=1")["heads"][0]["vector"] is None


def test_neurons_and_the_rest_add_up(client: TestClient, run: str) -> None:
    found = get(client, f"/api/runs/{run}/neurons?layer=0&q=3&top=7&words=3")
    assert len(found["neurons"]) == 7
    assert len(found["neurons"][0]["promotes"]) == 3
    norms = [neuron["norm"] for neuron in found["neurons"]]
    assert norms == sorted(norms, reverse=True)
    pushed = sum(neuron["push"] for neuron in found["neurons"])
    total = pushed + found["rest_push"] + found["bias_push"]
    assert total == pytest.approx(found["mlp_out_push"], abs=1e-4)


def test_the_river_ends_in_the_logit(client: TestClient, run: str) -> None:
    found = get(client, f"/api/runs/{run}/river?q=6")
    total = sum(step["push"] for step in found["steps"]) + found["constant"]
    assert total == pytest.approx(found["logit"], abs=1e-4)
    assert found["steps"][-1]["cosine"] == pytest.approx(1.0)
    assert found["steps"][0]["part_cosine"] is None


def test_the_loss_of_each_token(client: TestClient, run: str, lm: LanguageModel) -> None:
    found = get(client, f"/api/runs/{run}/loss")
    assert found["nll"][0] is None
    probs = get(client, f"/api/runs/{run}/next?q=0&k=266")["candidates"]
    second = get(client, f"/api/runs/{run}")["ids"][1]
    prob = next(c["prob"] for c in probs if c["id"] == second)
    assert np.exp(-found["nll"][1]) == pytest.approx(prob, rel=1e-5)
    bits = found["total"] / np.log(2) / found["n_bytes"]
    assert found["bits_per_byte"] == pytest.approx(bits)


def test_the_ledger(client: TestClient, run: str, lm: LanguageModel) -> None:
    answer = client.get(f"/api/runs/{run}/ledger?measure=4,2,4")
    assert answer.headers["cache-control"] == "no-store"
    found = answer.json()
    config = lm.model.config
    for measured in found["measured"]:
        t = measured["position"]
        assert measured["multiply_adds"] == multiply_adds(config, n_new=1, n_held=t)
        assert measured["multiply_adds_uncached"] == multiply_adds(config, n_new=t + 1)
        assert measured["milliseconds"] > 0
    assert [m["position"] for m in found["measured"]] == [2, 4]
    assert found["kv_bytes"] == found["kv_bytes_per_token"] * len(found["rows"])


def test_embeddings_and_weights(client: TestClient, lm: LanguageModel) -> None:
    found = get(client, "/api/models/unnamed/embedding/104?k=4")
    assert len(found["neighbours"]) == 4
    weight = lm.model.wte.weight.detach().numpy()
    a, b = weight[104], weight[found["neighbours"][0]["id"]]
    cosine = a @ b / np.linalg.norm(a) / np.linalg.norm(b)
    assert found["neighbours"][0]["cosine"] == pytest.approx(cosine, abs=1e-5)
    header, _, _ = decoded(client.get("/api/models/unnamed/embedding/map").content)
    assert header["shape"] == [lm.tokenizer.vocab_size, 2]
    assert 0 < sum(header["explained"]) <= 1
    exact = client.get("/api/models/unnamed/weights/h.1.mlp.c_fc.weight?rows=2:4&cols=1:3")
    _, values, _ = decoded(exact.content)
    stored = lm.model.h[1].mlp.c_fc.weight.detach().numpy()  # type: ignore[union-attr]
    assert np.array_equal(values.reshape(2, 2), stored[2:4, 1:3])
    header, _, _ = decoded(client.get("/api/models/unnamed/weights/wpe.weight?pool=5").content)
    assert sum(header["counts"]) == lm.model.wpe.weight.numel()
    bad = client.get("/api/models/unnamed/weights/what?rows=0:1")
    assert bad.status_code == 422
