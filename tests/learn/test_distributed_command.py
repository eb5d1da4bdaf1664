"""``cutaway train --nproc`` and torchrun: kills, Ctrl-C, errors of one process."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from test_distributed import MUON, RECIPE, fork, run

from toy_runs import write_corpus

if not sys.platform.startswith("linux"):
    pytest.skip("looks for processes in /proc", allow_module_level=True)

N_STEPS = 100


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("command")
    write_corpus(folder, RECIPE)
    return folder


def command(folder: Path, out: str, *settings: str) -> list[str]:
    changes = [word for setting in settings for word in ("--set", setting)]
    return ["train", str(folder / "toy.toml"), "--out", str(folder / out), *changes]


@contextmanager
def started(program: Sequence[str]) -> Iterator[subprocess.Popen[str]]:
    """The program in a group of its own, as in a terminal, of which nothing is left at the end."""
    process = subprocess.Popen(
        [sys.executable, "-m", *program],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            for pid in [*children(process.pid), process.pid]:
                os.kill(pid, signal.SIGKILL)
            process.communicate()


def children(pid: int) -> list[int]:
    try:
        return list(map(int, Path(f"/proc/{pid}/task/{pid}/children").read_text().split()))
    except OSError:
        return []


def losses(out: Path) -> list[float]:
    """By step; a line that is being written counts for nothing yet."""
    found: dict[int, float] = {}
    for line in (out / "log.jsonl").read_text().splitlines() if out.exists() else []:
        if line.endswith("}") and "loss" in (entry := json.loads(line)):
            found[entry["step"]] = entry["loss"]
    return list(found.values())


def wait_for_steps(process: subprocess.Popen[str], out: Path, n: int) -> None:
    while process.poll() is None and not ((out / "log.jsonl").exists() and len(losses(out)) >= n):
        time.sleep(0.01)


def settings(kind: str) -> list[str]:
    # A small rate: at the recipe's own, rounding grows tenfold every thirty steps.
    return [f"parallel.kind={kind}", f"training.steps={N_STEPS}", MUON, "optimizer.muon_lr=1e-3"]


@pytest.fixture(scope="module")
def whole(folder: Path) -> dict[str, list[float]]:
    """The losses of two processes that nothing happened to, by their kind."""
    runs = [run(2, kind, *settings(kind), kind=kind) for kind in ("ddp", "fsdp")]
    fork(folder, runs)
    return {kind: losses(folder / kind) for kind in ("ddp", "fsdp")}


@pytest.mark.parametrize(
    ("kind", "n_kills"),
    [
        ("fsdp", 1),
        pytest.param("ddp", 8, marks=pytest.mark.slow),
        pytest.param("fsdp", 8, marks=pytest.mark.slow),
    ],
)
def test_a_killed_process_costs_no_more_than_the_way_from_the_last_checkpoint(
    folder: Path, whole: dict[str, list[float]], kind: str, n_kills: int
) -> None:
    """Saving at every step, so that kills fall into saves too."""
    name = f"killed-{kind}-{n_kills}"
    out, rng = folder / name, random.Random(n_kills)
    saving = [*settings(kind), "checkpoints.every=1", f"parallel.restarts={n_kills}"]
    with started(["cutaway", *command(folder, name, *saving), "--nproc", "2"]) as process:
        for i in range(n_kills):
            wait_for_steps(process, out, 10 * (i + 1))
            time.sleep(rng.random() / 20)
            victims = children(process.pid)
            assert len(victims) == 2, process.communicate()
            os.kill(rng.choice(victims), signal.SIGKILL)
        printed, told = process.communicate()
    assert process.returncode == 0, told
    assert str(out / "model") in printed
    assert "Traceback" not in told
    assert losses(out) == whole[kind]


def test_ctrl_c_saves_after_the_same_step_everywhere(
    folder: Path, whole: dict[str, list[float]]
) -> None:
    out = folder / "stopped"
    program = ["cutaway", *command(folder, "stopped", *settings("ddp")), "--nproc", "2"]
    with started(program) as process:
        wait_for_steps(process, out, 10)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate()
    assert process.returncode == 6, told
    n_done = len(losses(out))
    assert f"error: Stopped after step {n_done} of {N_STEPS}; the state is saved.\n" in told
    assert told.count("error:") == 1
    assert "Traceback" not in told
    # What was saved is known to be right if one process can go on from it.
    subprocess.run(
        [sys.executable, "-m", "cutaway", *command(folder, "stopped", *settings("ddp"))],
        check=True,
        capture_output=True,
    )
    assert losses(out) == pytest.approx(whole["ddp"], rel=1e-3)


def test_an_error_of_one_process_is_told_once(folder: Path) -> None:
    """Only the first one looks at the vocabulary, while the others wait."""
    wrong = ["tokenizer.files=[]"]
    with started(["cutaway", *command(folder, "wrong", *wrong), "--nproc", "2"]) as process:
        printed, told = process.communicate()
    assert process.returncode == 2
    assert printed == ""
    assert told.startswith("error: The vocabulary has 50257 entries, model.vocab_size is 290.\n")
    assert len(told.splitlines()) == 2


def test_torchrun_starts_the_same_command(folder: Path) -> None:
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "cutaway"]
    with started([*torchrun, *command(folder, "torchrun", "training.steps=4")]) as process:
        printed, told = process.communicate()
    assert process.returncode == 0, told
    assert printed.count("validation loss") == 1
    assert len(losses(folder / "torchrun")) == 4
    with started([*torchrun, *command(folder, "wrong", "tokenizer.files=[]")]) as process:
        _, told = process.communicate()
    assert process.returncode == 1
    assert told.count("error: The vocabulary has 50257 entries") == 1
