"""``cutaway.explore``: what it takes, and a widget's messages over its real protocol."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fastapi", reason="the extra [notebook] is not installed")
pytest.importorskip("anywidget", reason="the extra [notebook] is not installed")

import cutaway
import cutaway.server.app
from cutaway.errors import CheckpointNotFound, ConfigError, MissingExtra
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from lms import language_model
from notebooks import Wire, wired


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A page that need not be built: the widget's Python knows nothing of its JavaScript."""
    folder = tmp_path / "notebook"
    folder.mkdir()
    (folder / "loader.js").write_text("export default {}")
    (folder / "widget.js").write_text("export const render = 0")
    (folder / "views.json").write_text('["keyboard", "river"]')
    monkeypatch.setattr(cutaway.server.app, "STATIC", tmp_path)
    return folder


@pytest.fixture
def wires(monkeypatch: pytest.MonkeyPatch) -> list[Wire]:
    return wired(monkeypatch)


@pytest.fixture(scope="module")
def lm(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven)


@pytest.fixture(scope="module")
def other(enliven: Callable[..., GPT2]) -> LanguageModel:
    return language_model(enliven, seed=2)


def test_what_a_notebook_stores_is_small(built: Path, wires: list[Wire], lm: LanguageModel) -> None:
    cutaway.explore(lm, "the an", view="river", height=500)
    state = wires[0].state
    assert state["place"] == "#v=river"
    assert (state["text"], state["height"]) == ("the an", 500)
    assert state["_esm"] == (built / "loader.js").read_text()
    assert "render = 0" not in json.dumps(state)


def test_the_code_comes_by_message(built: Path, wires: list[Wire], lm: LanguageModel) -> None:
    cutaway.explore(lm)
    head, data = wires[0].ask("page-1", "GET", "/notebook/widget.js")
    assert head["status"] == 200
    assert data == (built / "widget.js").read_bytes()
    before = wires[0].state["code"]
    (built / "widget.js").write_text("export const render = 1")
    cutaway.explore(lm)
    assert wires[1].state["code"] != before


def test_two_widgets_answer_for_themselves(
    built: Path, wires: list[Wire], lm: LanguageModel, other: LanguageModel
) -> None:
    cutaway.explore(lm)
    two = cutaway.explore([other, lm])
    names = [
        [m["fingerprint"] for m in json.loads(w.ask("page-1", "GET", "/api/models")[1])["models"]]
        for w in wires
    ]
    assert len(names[0]) == 1
    assert names[1] == [names[1][0], names[0][0]]
    assert names[1][0] != names[0][0]
    runs = [json.loads(w.ask("page-2", "POST", "/api/runs", {"text": "the"})[1]) for w in wires]
    two.close()
    head, data = wires[0].ask("page-3", "GET", f"/api/runs/{runs[0]['run']}/next?k=1")
    assert head["status"] == 200
    [best] = json.loads(data)["candidates"]
    assert best["prob"] == pytest.approx(lm.next_tokens("the", k=1).candidates[0].prob, abs=1e-12)


def test_the_place_comes_back(built: Path, wires: list[Wire], lm: LanguageModel) -> None:
    widget = cutaway.explore(lm)
    wires[0].write(place="#v=river&l=1")
    assert widget.place == "#v=river&l=1"
    cutaway.explore(lm, place=widget.place)
    assert wires[1].state["place"] == "#v=river&l=1"


def test_without_a_kernel_there_are_words(
    built: Path, wires: list[Wire], lm: LanguageModel
) -> None:
    widget = cutaway.explore(lm)
    bundle, _ = widget._repr_mimebundle_()
    assert "application/vnd.jupyter.widget-view+json" in bundle
    for kind in ("text/plain", "text/html"):
        assert "run this cell" in bundle[kind]
    assert "unnamed" in repr(widget)


def test_names_and_paths_are_loaded(
    built: Path, wires: list[Wire], monkeypatch: pytest.MonkeyPatch, lm: LanguageModel
) -> None:
    asked: list[object] = []
    monkeypatch.setattr("cutaway.notebook.load", lambda name: asked.append(name) or lm)
    cutaway.explore("gpt2")
    cutaway.explore([Path("runs"), lm])
    assert asked == ["gpt2", Path("runs")]


def test_a_model_that_is_not_there(built: Path, wires: list[Wire]) -> None:
    with pytest.raises(CheckpointNotFound):
        cutaway.explore("no-such-model")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"view": "rivers"}, "Did you mean 'river'"),
        ({"height": 20}, "240 to 10000"),
        ({"place": "v=river"}, "begins with #"),
        ({"text": "x" * 2_000_001}, "At most 2,000,000"),
    ],
)
def test_what_cannot_be_shown(
    built: Path, wires: list[Wire], lm: LanguageModel, options: dict[str, object], told: str
) -> None:
    with pytest.raises(ConfigError, match=told):
        cutaway.explore(lm, **options)  # type: ignore[arg-type]
    assert wires == []


def test_no_model_at_all(built: Path, wires: list[Wire]) -> None:
    with pytest.raises(ConfigError, match="no model"):
        cutaway.explore([])


def test_a_widget_that_is_not_built(built: Path, wires: list[Wire], lm: LanguageModel) -> None:
    (built / "widget.js").unlink()
    with pytest.raises(ConfigError, match="not built") as caught:
        cutaway.explore(lm)
    assert "make explore" in caught.value.hint


def test_the_extra_that_is_not_installed(
    built: Path, monkeypatch: pytest.MonkeyPatch, lm: LanguageModel
) -> None:
    monkeypatch.delitem(sys.modules, "cutaway.server.widget", raising=False)
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(MissingExtra, match="anywidget") as caught:
        cutaway.explore(lm)
    assert "pip install 'cutaway[notebook]'" in caught.value.hint
