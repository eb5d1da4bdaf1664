"""A worker answers lines of JSON, and the driver tells a wrong model from a right one."""

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.engine.check import problem

from cutaway.benchmarking import process
from cutaway.benchmarking.cases import CASES, end_of_text
from cutaway.benchmarking.contenders import Contender
from cutaway.benchmarking.process import Plan, Worker, WorkerFailed
from cutaway.benchmarking.shape import GPT2_124M
from cutaway.benchmarking.workers.logprobs import logprobs_of_next
from cutaway.benchmarking.workers.serve import Decoded, answer, finished

N_VOCAB = 600
GPT2_VOCAB = GPT2_124M.vocab_size


class Toy:
    """An engine whose next token depends on the last one alone."""

    settings: dict[str, Any] = {"kind": "toy"}  # noqa: RUF012

    def __init__(self, seed: int = 0, *, length: int | None = None) -> None:
        self._logits = np.random.default_rng(seed).normal(size=(N_VOCAB, N_VOCAB))
        self._length = length

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        texts = [list(prompt) for prompt in prompts]
        for _ in range(self._length or new):
            for text in texts:
                text.append(int(self._logits[text[-1] % N_VOCAB].argmax()))
        new_ids = [text[len(prompt) :] for text, prompt in zip(texts, prompts, strict=True)]
        return Decoded(new_ids, seconds=0.5)

    def prefill(self, ids: list[int]) -> list[float]:
        return self._logits[ids[-1] % N_VOCAB].tolist()

    def score(self, ids: list[int]) -> list[float]:
        rows = [token % N_VOCAB for token in ids]
        return logprobs_of_next(self._logits[rows], rows, threads=2)


def asked(toy: Toy):
    return lambda request: answer(toy, request)


def test_the_first_token_of_each_text_is_not_counted() -> None:
    assert Decoded([[1, 2, 3]] * 4, seconds=2.0).tokens_per_s == 4 * 2 / 2.0
    assert Decoded([[1]], seconds=0.0).tokens_per_s == 0
    assert Decoded([[1, 2, 3], [1]], seconds=2.0).tokens_per_s == 1


def test_logprobs_are_those_of_a_softmax() -> None:
    logits = np.random.default_rng(1).normal(size=(40, 7))
    ids = [index % 7 for index in range(40)]
    whole = np.log(np.exp(logits) / np.exp(logits).sum(1, keepdims=True))
    expected = [whole[at, ids[at + 1]] for at in range(39)]
    assert logprobs_of_next(logits, ids, threads=2) == pytest.approx(expected)


@pytest.mark.parametrize("name", [name for name in CASES if name != "memory"])
def test_every_case_is_a_request_that_workers_understand(name: str) -> None:
    case = CASES[name]
    request = case.request(1, GPT2_VOCAB)
    assert request != case.request(2, GPT2_VOCAB)
    assert request == case.request(1, GPT2_VOCAB)
    reply = json.loads(json.dumps(answer(Toy(), request)))
    assert reply["tokens_per_s"] >= 0
    if case.kind in ("decode", "busy"):
        assert [len(row) for row in reply["ids"]] == [case.new] * case.batch
        assert all(end_of_text(GPT2_VOCAB) not in prompt for prompt in request["prompts"])


def test_memory_is_that_of_this_process() -> None:
    assert answer(Toy(), {"case": "memory"})["peak_bytes"] > 10e6


def test_the_right_model_passes() -> None:
    assert problem(asked(Toy()), asked(Toy()), "fp32") == ""


@pytest.mark.parametrize("width", ["fp32", "bf16", "int8", "int4"])
def test_another_model_is_told(width: str) -> None:
    assert "agree with the reference" in problem(asked(Toy(1)), asked(Toy()), width)


def test_text_that_is_not_greedy_is_told() -> None:
    class Hasty(Toy):
        def decode(self, prompts: list[list[int]], new: int) -> Decoded:
            return Decoded([[7] * new for _ in prompts], seconds=1.0)

    assert "less likely" in problem(asked(Hasty()), asked(Toy()), "int4")


def test_text_that_ends_early_is_told() -> None:
    assert "asked for 16" in problem(asked(Toy(length=3)), asked(Toy()), "int8")


WORKER = """
import sys
sys.path[:0] = [{sources!r}, {repository!r}, {here!r}]
from cutaway.benchmarking.workers.serve import main
from test_workers import Toy
def load(job):
    print("a library's chatter")
    if job.format == "broken":
        raise SystemExit("no such format")
    return Toy()
main(lambda job: None, load)
"""


@pytest.fixture
def toy_worker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Starts a real worker process around the toy."""
    here = str(Path(__file__).parent)
    repository = str(process.SOURCES.parent)
    source = WORKER.format(sources=str(process.SOURCES), repository=repository, here=here)
    programs = {"mute": "print('hello')"}
    options = ["--work", str(tmp_path), "--format"]

    def start(format_: str) -> Worker:
        line = [sys.executable, "-c", programs.get(format_, source), *options, format_]
        monkeypatch.setattr(process, "command", lambda contender, plan: line)
        return Worker(Contender("Toy", "int8", "", "", format_), Plan(tmp_path, 1))

    return start


def test_a_worker_answers_and_outlives_a_failure(toy_worker) -> None:
    worker = toy_worker("any")
    try:
        assert worker.settings == {"kind": "toy"}
        with pytest.raises(WorkerFailed, match="KeyError"):
            worker.ask({"case": "nonsense"})
        reply = worker.ask(CASES["batch-8"].request(1, N_VOCAB))
        assert reply["tokens_per_s"] == 8 * 31 / 0.5
    finally:
        worker.close()


def test_an_idle_worker_is_stopped(toy_worker) -> None:
    worker = toy_worker("any")
    try:
        stat = Path(f"/proc/{worker._process.pid}/stat")
        for _ in range(2):
            os.waitid(os.P_PID, worker._process.pid, os.WSTOPPED | os.WNOWAIT)
            assert stat.read_text().rsplit(")", 1)[1].split()[0] == "T"
            worker.ask({"case": "memory"})
    finally:
        worker.close()


def test_a_worker_that_cannot_start_says_why(toy_worker) -> None:
    with pytest.raises(WorkerFailed, match="no such format"):
        toy_worker("broken")


def test_what_is_no_answer_is_a_failure(toy_worker) -> None:
    with pytest.raises(WorkerFailed, match="no JSON: hello"):
        toy_worker("mute")


def test_one_that_is_interrupted_at_its_work_is_ended_at_once(toy_worker) -> None:
    worker = toy_worker("any")
    worker._is_busy = True  # as when Ctrl-C comes before the answer
    worker.close()
    assert worker._process.returncode == -signal.SIGKILL


def test_a_conversion_is_there_whole_or_not_at_all(tmp_path: Path) -> None:
    home = tmp_path / "models" / "int8"

    def fails() -> None:
        with finished(home) as part:
            (part / "half").write_text("")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fails()
    assert not home.exists()
    with finished(home) as part:
        (part / "whole").write_text("")
    assert [path.name for path in home.iterdir()] == ["whole"]


def test_a_worker_is_found_whatever_lies_in_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "json.py").write_text("raise SystemExit('a stranger')")
    monkeypatch.chdir(tmp_path)
    worker = Worker(Contender("memory", "", "memory", "", ""), Plan(tmp_path, 1))
    try:
        assert worker.ask({"case": "read", "n_bytes": 80_000})["bytes_per_s"] > 0
    finally:
        worker.close()
