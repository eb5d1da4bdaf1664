"""What was read once is not read again, and what is held is counted."""

import re

import pytest
import torch
from starlette.testclient import TestClient

from cutaway.generation import LanguageModel
from cutaway.interp import Run
from cutaway.models import GPT2


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many tokens each forward pass read."""
    seen: list[int] = []
    hidden = GPT2.hidden

    def counted(self: GPT2, tokens: torch.Tensor, **more: object) -> torch.Tensor:
        if tokens.device.type != "meta":  # not where the names of sites are asked for
            seen.append(tokens.shape[1])
        return hidden(self, tokens, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(GPT2, "hidden", counted)
    return seen


def test_a_run_is_read_once(client: TestClient, lm: LanguageModel, reads: list[int]) -> None:
    ids = lm.encode("the anthem")
    first = client.post("/api/runs", json={"ids": ids}).json()
    assert client.post("/api/runs", json={"text": "the anthem"}).json() == first
    assert reads == [len(ids)]


def test_a_step_taken_again_makes_nothing(client: TestClient, run: str, reads: list[int]) -> None:
    first = client.post(f"/api/runs/{run}/step", json={"id": 104}).json()
    other = client.post(f"/api/runs/{run}/step", json={"id": 105}).json()
    again = client.post(f"/api/runs/{run}/step", json={"id": 104}).json()
    assert reads == [1, 1]
    assert first["info"] == again["info"] != other["info"]
    assert first["kv_bytes_made"] == other["kv_bytes_made"] > 0
    assert again["kv_bytes_made"] == again["made_to"] - again["made_from"] == 0


def test_a_text_written_again_is_only_looked_up(
    client: TestClient, run: str, reads: list[int]
) -> None:
    body = {"n": 6, "seed": 4}
    first, again = (client.post(f"/api/runs/{run}/generate", json=body).text for _ in range(2))
    assert len(reads) <= 6
    assert first.count("event: token") == again.count("event: token") == len(reads)
    assert re.findall(r'"run":"\w+"', first) == re.findall(r'"run":"\w+"', again)


def test_heads_are_looked_through_once(
    client: TestClient, run: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    patterns: list[tuple[int, int]] = []
    pattern = Run.pattern

    def counted(self: Run, layer: int, head: int, rows: slice = slice(None)) -> torch.Tensor:
        patterns.append((layer, head))
        return pattern(self, layer, head, rows)

    monkeypatch.setattr(Run, "pattern", counted)
    first = client.get(f"/api/runs/{run}/heads?q=3&k=1").json()
    assert len(patterns) == 2 * 2 * 5  # a row and a whole pattern of 2 layers of 5 heads
    assert client.get(f"/api/runs/{run}/heads?q=3&k=2").json()["previous"] == first["previous"]
    assert len(patterns) == 2 * 2 * 5
    client.get(f"/api/runs/{run}/heads?q=4&k=2")
    assert len(patterns) == 3 * 2 * 5
    assert client.get(f"/api/runs/{run}/heads?q=3&k=99").status_code == 422
