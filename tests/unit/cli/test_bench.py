"""How fast: what the command says and draws, asserted in structure and never in time."""

import io
import json
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.benchmarking.cases import CASES
from cutaway.benchmarking.contenders import Contender
from cutaway.benchmarking.panels import Bar, Panel
from cutaway.benchmarking.process import Plan, WorkerFailed
from cutaway.benchmarking.session import Session
from cutaway.cli import bench
from cutaway.cli.app import run
from cutaway.cli.bench_report import rows
from cutaway.cli.render import width_of
from cutaway.errors import EngineUnavailable, ResourceError

TINY = ("--shape", "1,16,2,50,1024")
QUICK = (*TINY, "--engines", "cutaway", "--rounds", "2", "--threads", "1")
Start = Callable[[Contender, Plan], Any]


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench, "kept_in", lambda: tmp_path / "benchmark")
    monkeypatch.setenv("COLUMNS", "80")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)


class Told:
    """A worker that answers at once; ``rates`` in turn, and an interrupt when there are no more."""

    def __init__(self, contender: Contender, rates: list[float], wrong: str = "") -> None:
        self.settings: dict[str, Any] = {"format": contender.format}
        self._contender, self._rates, self._wrong = contender, rates, wrong

    def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        if request["case"] == "read":
            return {"bytes_per_s": 3e10}
        if request["case"] == "score" and len(request["ids"]) == 64:
            sign = -1 if self._wrong == self._contender.engine else 1
            return {"logprobs": [sign * token / 50 for token in request["ids"][1:]]}
        if not self._rates:
            raise KeyboardInterrupt
        return {"tokens_per_s": self._rates.pop(0)}

    def close(self) -> None:
        pass


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Puts workers that are told their answers in the place of real ones."""

    def put(n_rates: int = 1000, wrong: str = "", broken: str = "") -> None:
        rates = [100.0 + i for i in range(n_rates)]

        def start(contender: Contender, plan: Plan) -> Told:
            if broken and contender.engine == broken:
                raise WorkerFailed("it does not start")
            return Told(contender, rates, wrong)

        monkeypatch.setattr(bench, "Session", partial(Session, start=start))

    return put


@pytest.fixture
def without_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    def build() -> None:
        raise EngineUnavailable("The engine cannot be built: there is no C++ compiler.")

    monkeypatch.setattr("cutaway.engine.build", build)


def test_a_real_run_measures_and_draws(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], without_engine: None
) -> None:
    plot = tmp_path / "bench.svg"
    arguments = ["bench", *QUICK, "--cases", "decode-32", "prefill", "--plot", str(plot)]
    assert run(arguments) == 0
    captured = capsys.readouterr()
    out, err = captured.out, captured.err
    assert "\x1b" not in out + err
    assert "GPT-2 0.02M with random weights" in out
    assert "decode-32: one text behind 32 tokens, tokens/s" in out
    assert out.count("  Cutaway float32 (readable model)") == 2
    assert out.count("  memory's limit float32") == 1
    assert "Memory gave" in out
    assert "there is no C++ compiler. The readable model stands in." in out.replace("\n ", "")
    assert "kept for the next time" in err
    assert err.index("It takes about") < err.index("writing the weights")
    assert ElementTree.parse(plot).getroot().tag.endswith("svg")


def test_weights_are_written_once(
    told: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told()
    for said in (True, False):
        assert run(["bench", *QUICK, "--cases", "prefill", "--json"]) == 0
        captured = capsys.readouterr()
        assert ("writing the weights" in captured.err) is said
        assert ("kept for the next time" in captured.err) is said
        found = json.loads(captured.out)
        assert found["complete"]
        assert [len(one["cases"]["prefill"]["rounds"]) for one in found["results"]] == [2, 2]
    [folder] = (tmp_path / "benchmark").iterdir()
    assert (folder / "model" / "model.safetensors").exists()


def test_engines_of_one_format_stand_together(
    told: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    told()
    assert run(["bench", *TINY, "--engines", "cutaway,transformers", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [(one["engine"], one["dtype"]) for one in found["results"]] == [
        ("Cutaway", "int8"),
        ("Cutaway", "float32"),
        ("transformers", "float32"),
    ]
    ours, theirs = (one["cases"]["decode-32"]["rounds"] for one in found["results"][1:])
    assert [b - a for a, b in zip(ours, theirs, strict=True)] == [1, 1, 1]  # turn by turn
    assert list(found["results"][0]["cases"]) == ["decode-32", "batch-8", "prefill"]


def test_ctrl_c_shows_what_was_measured(
    told: Callable[..., None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told(n_rates=6)  # a case of four turns, and half of the next
    plot = tmp_path / "bench.svg"
    assert run(["bench", *TINY, "--engines", "cutaway", "--plot", str(plot)]) == 130
    out = capsys.readouterr().out
    assert "decode-32" in out
    assert "prefill" not in out
    assert "It was stopped before the end" in out
    assert plot.exists()
    told(n_rates=0)
    assert run(["bench", *TINY, "--engines", "cutaway", "--json"]) == 130
    assert json.loads(capsys.readouterr().out) | {"complete": False, "results": []}


def test_an_engine_with_other_answers_is_not_measured(
    told: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    told(wrong="transformers")
    assert run(["bench", *TINY, "--engines", "cutaway", "transformers"]) == 0
    out = capsys.readouterr().out.replace("\n  ", " ")
    assert "transformers float32: its answers agree with those of Cutaway float32 by -1.0" in out


def test_what_does_not_start_is_told_and_ours_is_an_error(
    told: Callable[..., None], capsys: pytest.CaptureFixture[str]
) -> None:
    told(broken="transformers")
    assert run(["bench", *TINY, "--engines", "cutaway", "transformers"]) == 0
    assert "Not measured: transformers float32: it does not start" in capsys.readouterr().out
    told(broken="Cutaway")
    assert run(["bench", *TINY, "--engines", "cutaway"]) == 2
    assert "Cutaway int8 could not be measured: it does not start" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "code", "first", "second"),
    [
        (["--cases", "decode-33"], 2, "No case is called 'decode-33'.", "'decode-32'"),
        (["--dtype", "int9"], 2, "No dtype is called 'int9'.", "'int8'"),
        (["--engines", "opnvino"], 2, "No engine is called 'opnvino'.", "'openvino'"),
        (["--threads", "100000"], 2, "threads is 100000.", "from 1 to"),
        (["--rounds", "0"], 2, "--rounds", "cutaway bench --help"),
        (["--plot", "bench.pdf"], 2, "a plot is .svg or .png", "bench.svg"),
        (["--shape", "1,2"], 2, "--shape 1,2.", "LAYERS"),
        (["--model", "no-such-model"], 3, "No model 'no-such-model'", ""),
    ],
)
def test_what_cannot_be_is_refused_at_once(
    capsys: pytest.CaptureFixture[str], arguments: list[str], code: int, first: str, second: str
) -> None:
    assert run(["bench", *arguments]) == code
    captured = capsys.readouterr()
    what, hint = captured.err.splitlines()[-2:]
    assert first in what + hint
    assert second in hint
    assert captured.out == ""


def test_too_little_memory_is_told_in_numbers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refuse(n_bytes: int, what: str, hint: str) -> None:
        told = f"{what} needs {n_bytes / 1e9:.1f} GB of memory; 0.1 GB are free."
        raise ResourceError(told, hint)

    monkeypatch.setattr("cutaway.checkpoints.memory.check_memory", refuse)
    assert run(["bench", "--engines", "cutaway"]) == 5
    what, hint = capsys.readouterr().err.splitlines()[-2:]
    assert what.startswith("error: Measuring these engines needs ")
    assert "--engines" in hint


def test_lists_are_given_with_commas_or_spaces() -> None:
    given = ["--cases", "prefill", "score,decode-32", "--json", "--dtype=int8", "stray"]
    assert bench._joined(given) == [
        *("--cases", "prefill,score,decode-32", "--json", "--dtype=int8", "stray")
    ]


BARS = st.builds(
    Bar,
    label=st.sampled_from(["Cutaway int8", "llama.cpp int4 (Q4_0, Q6_K head)", "memory's limit"]),
    value=st.floats(1e-3, 1e6),
    share=st.none() | st.floats(0, 2),
    kind=st.sampled_from(["ours", "other", "floor"]),
)


@given(st.lists(BARS, min_size=1, max_size=5), st.integers(20, 120))
def test_no_row_is_wider_than_the_terminal(bars: list[Bar], width: int) -> None:
    lines = rows(Panel(CASES["prefill"], bars), width=width)
    assert all(width_of("".join(line)) <= width for line in lines)
    assert len({width_of("".join(line)) for line in lines}) == 1  # columns stand below each other


@pytest.mark.parametrize("columns", ["40", "120"])
def test_a_terminal_of_any_width_shows_every_figure(
    told: Callable[..., None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    columns: str,
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told()
    assert run(["bench", *TINY, "--engines", "cutaway", "transformers", "--cases", "all"]) == 0
    captured = capsys.readouterr()
    lines = captured.out.splitlines()
    figures = [line for line in lines if line.startswith("  Cutaway int8")]
    assert len(figures) == 6
    assert all(any(char.isdigit() for char in line[14:]) for line in figures)
    long = [line for line in lines if width_of(line) > int(columns)]
    assert not [line for line in long if " " in line.strip()], long


def test_progress_is_one_line_on_a_terminal_and_none_in_the_results() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    file = Terminal()
    progress = bench.Progress(bench.stderr().__class__(file))
    for done in range(5):
        progress.turn("prefill, Cutaway int8, round 1 of 3", done, 6)
    progress.finished(CASES["prefill"], "int8")
    progress.clear()
    assert "\n" not in file.getvalue()
    assert "1/6 prefill" in file.getvalue()
    assert "5/6 (about 5 s left) prefill" in file.getvalue()
