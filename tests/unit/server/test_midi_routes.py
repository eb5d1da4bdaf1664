"""MIDI over HTTP: files become ids of a music model, runs become files, and nothing else does."""

import base64
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from starlette.testclient import TestClient

pytest.importorskip("mido", reason="the extra [music] is not installed")

from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from cutaway.music.events import decode, encode
from cutaway.music.midi import read_midi
from cutaway.server import create_app, schema
from musical import PIECE, midi_file, music_model

NOTES = [(0, 1_500, 60, 80), (500, 1_500, 64, 72), (1_500, 2_000, 60, 20)]


@pytest.fixture(scope="module")
def piano(enliven: Callable[..., GPT2]) -> LanguageModel:
    return music_model(enliven)


@pytest.fixture
def asked(piano: LanguageModel, lm: LanguageModel) -> Iterator[TestClient]:
    with TestClient(create_app([piano, lm]), base_url="http://127.0.0.1") as client:
        yield client


def send(client: TestClient, data: bytes, model: str = "piano") -> Any:
    body = {"data": base64.b64encode(data).decode()}
    return client.post(f"/api/models/{model}/midi", json=body)


def test_the_vocabulary_is_told(asked: TestClient) -> None:
    told = {m["name"]: m["vocabulary"]["kind"] for m in asked.get("/api/models").json()["models"]}
    assert told == {"piano": "performance", "unnamed": "text"}
    vocabulary = asked.get("/api/models/piano/vocabulary").json()
    assert vocabulary["kind"] == "performance"
    assert bytes.fromhex(vocabulary["tokens"][60]).strip() == b"NOTE_ON_60"


def test_a_file_becomes_the_ids_of_its_performance(asked: TestClient, piano: LanguageModel) -> None:
    data = midi_file(NOTES)
    answer = send(asked, data)
    assert answer.status_code == 200, answer.text
    found = answer.json()
    assert found["ids"] == encode(read_midi(data))
    assert (found["n_notes"], found["n_ctx"]) == (3, 48)
    assert found["seconds"] == pytest.approx(2.0, abs=0.01)
    names = piano.decode(found["ids"]).split()
    assert names[:3] == ["SET_VELOCITY_20", "NOTE_ON_60", "TIME_SHIFT_50"]


@pytest.mark.parametrize("before", ["", "<|endoftext|>"])
def test_a_run_becomes_a_file_that_reads_as_its_ids(
    asked: TestClient, piano: LanguageModel, before: str
) -> None:
    ids = piano.tokenizer.encode(PIECE)
    begun = [piano.tokenizer.eot] if before else []
    run = asked.post("/api/runs", json={"model": "piano", "ids": [*begun, *ids]}).json()["run"]
    answer = asked.get(f"/api/runs/{run}/midi")
    assert answer.headers["content-type"] == "audio/midi"
    assert answer.headers["content-disposition"].endswith('.mid"')
    assert send(asked, answer.content).json()["ids"] == ids


def test_what_stands_behind_the_end_is_another_piece(
    asked: TestClient, piano: LanguageModel
) -> None:
    ids = piano.tokenizer.encode(PIECE)
    both = [*ids, piano.tokenizer.eot, *ids[:4]]
    run = asked.post("/api/runs", json={"model": "piano", "ids": both}).json()["run"]
    data = asked.get(f"/api/runs/{run}/midi").content
    assert len(read_midi(data)) == len(decode(ids))


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"RIFF, no MIDI at all", "DataError"),
        (midi_file(NOTES)[:-9], "DataError"),
        (midi_file([]), "DataError"),
    ],
)
def test_a_file_that_is_none_is_told(asked: TestClient, data: bytes, kind: str) -> None:
    answer = send(asked, data)
    assert (answer.status_code, answer.json()["error"]) == (422, kind)
    assert answer.json()["what"]
    assert answer.json()["hint"]


def test_what_is_no_base64_or_too_much_is_told(asked: TestClient) -> None:
    answer = asked.post("/api/models/piano/midi", json={"data": "no base64!"})
    assert (answer.status_code, answer.json()["error"]) == (422, "ConfigError")
    answer = send(asked, bytes(schema.MAX_MIDI + 3))
    assert answer.status_code == 422
    assert answer.json()["values"]["rule"] == "string_too_long"


def test_a_model_of_texts_makes_no_music(asked: TestClient) -> None:
    answer = send(asked, midi_file(NOTES), model="unnamed")
    assert (answer.status_code, answer.json()["error"]) == (422, "NotMusic")
    assert answer.json()["values"] == {"name": "unnamed"}
    run = asked.post("/api/runs", json={"model": "unnamed", "text": "the an"}).json()["run"]
    assert asked.get(f"/api/runs/{run}/midi").json()["error"] == "NotMusic"
