"""Figures arranged for a reader, and drawn: what is in the plot, and that it is one."""

import importlib.util
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.benchmarking.bars import picture
from cutaway.benchmarking.cases import CASES
from cutaway.benchmarking.choice import Absent
from cutaway.benchmarking.contenders import CONTENDERS
from cutaway.benchmarking.panels import Bar, Panel, memory_read, not_measured, panels, to_dict
from cutaway.benchmarking.rounds import Result
from cutaway.benchmarking.session import Session
from cutaway.benchmarking.shape import GPT2_124M
from cutaway.benchmarking.weights import random_weights
from cutaway.drawing import check_picture, files, svg, write_picture
from cutaway.errors import ConfigError, MissingExtra

SVG = "{http://www.w3.org/2000/svg}"


def measured(folder: Path) -> Session:
    """Two engines at 8 bits and one at 32 that has failed, in two cases."""
    ours, llama, other = (
        Result(next(c for c in CONTENDERS if (c.module, c.width) == pair))
        for pair in (("cutaway", "int8"), ("llama_cpp", "int8"), ("transformers", "fp32"))
    )
    for result, rate in ((ours, 200.0), (llama, 160.0)):
        result.figures = {"decode-32": [rate, rate + 10, rate - 100], "prefill": [10 * rate]}
        result.reads = {"decode-32": [2e10, 3e10, 4e10]}
    llama.failures["prefill"] = "it has lost its way"
    del llama.figures["prefill"]
    other.failures[""] = "no such file"
    cases = [CASES["decode-32"], CASES["prefill"]]
    return Session(random_weights(GPT2_124M, folder), cases, [ours, llama, other], 3, 2)


def test_a_panel_for_each_case_with_memorys_limit_below_its_format(tmp_path: Path) -> None:
    decode, prefill = panels(measured(tmp_path))
    assert [(bar.label, bar.kind) for bar in decode.bars] == [
        ("Cutaway int8", "ours"),
        ("llama.cpp int8 (Q8_0)", "other"),
        ("memory's limit int8", "floor"),
    ]
    assert [bar.value for bar in decode.bars[:2]] == [200.0, 160.0]
    assert decode.bars[0].share == pytest.approx(200 / decode.bars[2].value)
    assert decode.most == decode.bars[2].value
    assert [bar.label for bar in prefill.bars] == ["Cutaway int8"]
    assert prefill.bars[0].share is None


def test_memory_is_told_once_for_a_format(tmp_path: Path) -> None:
    session = measured(tmp_path)
    assert memory_read(session) == (3e10, 2e10, 4e10)
    session.results = []
    assert memory_read(session) is None


def test_everything_is_in_the_json(tmp_path: Path) -> None:
    left_out = [Absent("OpenVINO", "not installed")]
    found = json.loads(json.dumps(to_dict(measured(tmp_path), left_out, {"cores": 2})))
    assert found["parameters"] == 124_439_808
    assert [one["engine"] for one in found["results"]] == ["Cutaway", "llama.cpp"]
    decode = found["results"][0]["cases"]["decode-32"]
    assert decode["median"] == 200.0
    assert decode["rounds"] == [200.0, 210.0, 100.0]
    assert decode["share_of_floor"] == pytest.approx(200 / decode["floor"])
    assert found["not_measured"] == [
        {"name": "OpenVINO", "reason": "not installed"},
        {"name": "llama.cpp int8 (Q8_0), prefill", "reason": "it has lost its way"},
        {"name": "transformers float32", "reason": "no such file"},
    ]
    assert len(not_measured(measured(tmp_path), left_out)) == 3


def texts(drawn: str) -> list[str]:
    root = ElementTree.fromstring(drawn)
    assert root.tag == f"{SVG}svg"
    return [element.text or "" for element in root.iter(f"{SVG}text")]


def test_the_svg_names_all_that_it_draws(tmp_path: Path) -> None:
    found = panels(measured(tmp_path))
    drawn = svg(picture(found, title="A title", subtitle="A machine", notes=["A note " * 40]))
    shown = texts(drawn)
    for panel in found:
        assert panel.case.name in shown
        assert {bar.label for bar in panel.bars} <= set(shown)
    assert {"A title", "A machine"} <= set(shown)
    assert max(map(len, shown)) < 120  # notes are wrapped
    root = ElementTree.fromstring(drawn)
    bars = [one for one in root.iter(f"{SVG}rect") if one.get("height") == "16"]
    assert len(bars) == 4
    longest = max(float(one.get("width", 0)) for one in bars)
    assert float(bars[2].get("width", 0)) == longest  # memory's limit, the largest of its panel


BARS = st.builds(
    Bar,
    label=st.text(max_size=40),
    value=st.floats(1e-3, 1e9),
    share=st.none() | st.floats(0, 2),
    kind=st.sampled_from(["ours", "other", "floor"]),
)


@given(st.lists(BARS, min_size=1, max_size=6), st.text(max_size=100))
def test_any_figures_make_a_picture_in_which_nothing_leaves_the_page(
    bars: list[Bar], title: str
) -> None:
    drawn = svg(picture([Panel(CASES["prefill"], bars)], title=title, subtitle="", notes=[]))
    root = ElementTree.fromstring(drawn)
    width, height = (float(root.get(name, 0)) for name in ("width", "height"))
    for one in root.iter(f"{SVG}rect"):
        x, y, w, h = (float(one.get(name, 0)) for name in ("x", "y", "width", "height"))
        assert x >= 0
        assert y >= 0
        assert x + w <= width
        assert y + h <= height


def drawn_to(path: Path, session: Session) -> None:
    check_picture(path, "--plot")
    write_picture(path, picture(panels(session), title="A title", subtitle="", notes=[]))


def test_a_plot_is_written_whole(tmp_path: Path) -> None:
    drawn_to(tmp_path / "bench.svg", measured(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["bench.svg"]
    assert "A title" in texts((tmp_path / "bench.svg").read_text("utf-8"))


@pytest.mark.skipif(importlib.util.find_spec("PIL") is None, reason="no Pillow")
def test_a_png_is_drawn_by_pillow(tmp_path: Path) -> None:
    drawn_to(tmp_path / "bench.png", measured(tmp_path))
    assert (tmp_path / "bench.png").read_bytes().startswith(b"\x89PNG")


def test_a_png_without_pillow_is_refused_before_anything_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: dict[str, Any] = {}
    monkeypatch.setattr(files, "find_spec", found.get)
    with pytest.raises(MissingExtra) as error:
        check_picture(tmp_path / "bench.png", "--plot")
    assert "bench.svg instead" in error.value.hint


@pytest.mark.parametrize("name", ["bench.pdf", "bench", "no/such/folder.svg"])
def test_a_plot_that_cannot_be_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigError):
        check_picture(tmp_path / name, "--plot")
