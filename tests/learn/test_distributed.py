"""Training on several processes: the same losses as on one, and each other's checkpoints."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

import cutaway
from toy_runs import TOY_DATA, TOY_MODEL, write_corpus

RECIPE = f"""
{TOY_MODEL}{TOY_DATA}[optimizer]
lr = 1e-2
muon_lr = 1e-2
[schedule]
kind = "constant"
[training]
steps = 12
batch_size = 6
micro_batch_size = 2
[checkpoints]
every = 4
"""
MUON, DROPOUT = "optimizer.kind=muon", "model.dropout=0.2"


def run(n: int, out: str, *settings: str, kind: str = "ddp") -> dict[str, Any]:
    named = [f"parallel.kind={kind}", *settings]
    return {"do": "a_run", "n": n, "out": out, "settings": named}


def steps(n: int) -> str:
    return f"training.steps={n}"


# What else a loop does, in one run.
AROUND = [
    "training.recompute=true",
    "training.document_mask=true",
    "samples.every=6",
    "samples.max_new_tokens=4",
    "validation.every=3",
    "validation.keep_best=true",
]
EVERYTHING = {
    "bf16": ["training.precision=bf16", *AROUND],
    "fp16": ["training.precision=fp16", *AROUND],
    "modern": ["model.kind=modern", MUON, *AROUND],
}
REFUSED = ("-diverged", "-lora")
DIVERGING = ["optimizer.lr=1e30", "schedule.kind=constant", "optimizer.clip=0"]

RUNS = {
    "one adamw": run(1, "one-adamw"),
    "one muon": run(1, "one-muon", MUON),
    "ddp adamw": run(2, "ddp-adamw"),
    "ddp muon": run(2, "ddp-muon", MUON),
    "fsdp adamw": run(2, "fsdp-adamw", kind="fsdp"),
    "fsdp muon": run(2, "fsdp-muon", MUON, kind="fsdp"),
    **{
        f"{kind} {what}": run(n, f"{kind}-{what}", *settings, kind=kind)
        for what, settings in EVERYTHING.items()
        for kind, n in {"ddp": 2, "fsdp": 2}.items()
    },
    **{f"one {what}": run(1, f"one-{what}", *s) for what, s in EVERYTHING.items()},
    "ddp diverged": run(2, "ddp-diverged", *DIVERGING),
    "fsdp diverged": run(2, "fsdp-diverged", *DIVERGING, kind="fsdp"),
    # Each goes on from the checkpoint of the one before.
    "handed on 1": run(2, "handed-on", MUON, steps(4), kind="fsdp"),
    "handed on 2": run(1, "handed-on", MUON, steps(7)),
    "handed on 3": run(3, "handed-on", MUON, steps(10), kind="fsdp"),
    "handed on 4": run(2, "handed-on", MUON, steps(12)),
    # Three processes, for the sum of two numbers does not depend on their order.
    "ddp whole": run(3, "ddp-whole", MUON, DROPOUT),
    "ddp in parts 1": run(3, "ddp-parts", MUON, DROPOUT, steps(6)),
    "ddp in parts 2": run(3, "ddp-parts", MUON, DROPOUT),
    "fsdp whole": run(3, "fsdp-whole", MUON, DROPOUT, kind="fsdp"),
    "fsdp in parts 1": run(3, "fsdp-parts", MUON, DROPOUT, steps(6), kind="fsdp"),
    "fsdp in parts 2": run(3, "fsdp-parts", MUON, DROPOUT, kind="fsdp"),
    "fsdp damaged 1": run(2, "fsdp-damaged", MUON, kind="fsdp"),
    "fsdp damaged 2": {
        **run(2, "fsdp-damaged", MUON, kind="fsdp"),
        "do": "a_damaged_run",
    },
    "full disk": {**run(2, "full"), "do": "a_run_that_cannot_save"},
    "fsdp lora": run(2, "fsdp-lora", "lora.rank=2", kind="fsdp"),
    "disagreement": {"do": "disagreement", "n": 2},
    "sums": {"do": "sums", "n": 3},
    "hung": {"do": "hung", "n": 2},
    "muon of replicas": {"do": "muon", "n": 3, "sharded": False},
    "muon of shards": {"do": "muon", "n": 3, "sharded": True},
}


def fork(folder: Path, runs: list[dict[str, Any]]) -> list[list[Any]]:
    """What every process of every run returned."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("forked_runs.py"))],
        input=json.dumps([{**run, "folder": str(folder)} for run in runs]),
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results: list[list[Any]] = json.loads(done.stdout.splitlines()[-1])
    for run, returned in zip(runs, results, strict=True):
        if run["do"] == "a_run" and not run["out"].endswith(REFUSED):
            assert all(isinstance(loss, float) for loss in returned), (run, returned)
    return results


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("distributed")
    write_corpus(folder, RECIPE)
    return folder


@pytest.fixture(scope="module")
def told(folder: Path) -> dict[str, list[Any]]:
    """What the processes of each run returned."""
    return dict(zip(RUNS, fork(folder, list(RUNS.values())), strict=True))


def losses(folder: Path, out: str) -> list[float]:
    entries = map(json.loads, (folder / out / "log.jsonl").read_text().splitlines())
    found = {entry["step"]: entry["loss"] for entry in entries if "loss" in entry}
    assert list(found) == list(range(1, 13))
    return list(found.values())


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_two_processes_have_the_losses_of_one(
    folder: Path, told: dict[str, list[Any]], kind: str, optimizer: str
) -> None:
    """Three portions for two processes: one of them computes nothing at the second."""
    one = losses(folder, f"one-{optimizer}")
    assert losses(folder, f"{kind}-{optimizer}") == pytest.approx(one, rel=1e-5)
    assert one[-1] < 0.8 * one[0]
    assert told[f"{kind} {optimizer}"] == pytest.approx(2 * told[f"one {optimizer}"], rel=1e-5)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
@pytest.mark.parametrize("what", EVERYTHING)
def test_so_has_everything_around_a_step(
    folder: Path, told: dict[str, list[Any]], kind: str, what: str
) -> None:
    """Blocks run again, documents apart, samples, the best model in the end."""
    one = losses(folder, f"one-{what}")
    assert losses(folder, f"{kind}-{what}") == pytest.approx(one, rel=2e-2)
    best = told[f"{kind} {what}"]
    assert best == pytest.approx(2 * told[f"one {what}"], rel=2e-2)
    model = cutaway.load(folder / f"{kind}-{what}" / "model").model
    assert all(p.isfinite().all() for p in model.parameters())
    texts = (folder / f"{kind}-{what}" / "samples.jsonl").read_text().splitlines()
    assert [json.loads(text)["step"] for text in texts] == [6, 12]


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
def test_what_is_not_finite_is_named_in_every_process(
    folder: Path, told: dict[str, list[Any]], kind: str
) -> None:
    first, second = told[f"{kind} diverged"]
    assert first.startswith("TrainingDiverged: Step ")
    assert "first in " in first
    assert first == second
    assert len(list((folder / f"{kind}-diverged" / "not-finite").iterdir())) == 1


def test_every_layout_goes_on_from_the_checkpoints_of_the_others(
    folder: Path, told: dict[str, list[Any]]
) -> None:
    assert losses(folder, "handed-on") == pytest.approx(losses(folder, "one-muon"), rel=1e-4)
    assert told["handed on 4"] == pytest.approx(2 * told["one muon"], rel=1e-4)


@pytest.mark.parametrize("kind", ["ddp", "fsdp"])
@pytest.mark.usefixtures("told")
def test_the_same_processes_go_on_bit_for_bit(folder: Path, kind: str) -> None:
    """With dropout, of which every process has its own."""
    assert losses(folder, f"{kind}-parts") == losses(folder, f"{kind}-whole")


def test_a_damaged_shard_is_passed_over_by_all(folder: Path, told: dict[str, list[Any]]) -> None:
    """All go on from the checkpoint before, and come to the same end."""
    assert told["fsdp damaged 2"] == told["fsdp damaged 1"] == told["fsdp muon"]
    assert losses(folder, "fsdp-damaged") == losses(folder, "fsdp-muon")
    (aside,) = (folder / "fsdp-damaged" / "checkpoints").glob("aside-*")
    assert aside.name == "aside-step-00000012"


def test_where_the_last_state_cannot_be_saved_all_say_so(told: dict[str, list[Any]]) -> None:
    first, second = told["full disk"]
    assert first.startswith("ResourceError: The state after step 12 could not be saved")
    assert second.startswith("ResourceError: The first process could not save step 12")


def test_adapters_are_not_sharded(told: dict[str, list[Any]]) -> None:
    for process in told["fsdp lora"]:
        assert process.startswith('ConfigError: lora.rank is set, and parallel.kind is "fsdp".')


def test_what_differs_between_processes_is_named_in_all(told: dict[str, list[Any]]) -> None:
    first, second = told["disagreement"]
    assert first == second
    assert first.startswith("ConfigError: Process 1 has another corpus than process 0.")


def test_sums_are_the_same_everywhere(told: dict[str, list[Any]]) -> None:
    assert told["sums"] == 3 * [[[4.5, 3.0], True, "from 0"]]


def test_nobody_waits_for_ever(told: dict[str, list[Any]]) -> None:
    assert "1000ms" in told["hung"][0]


@pytest.mark.parametrize("held", ["replicas", "shards"])
def test_muon_shared_among_processes_is_that_of_one(told: dict[str, list[Any]], held: str) -> None:
    assert told[f"muon of {held}"] == [True, True, True]


@pytest.mark.usefixtures("told")
def test_shards_are_written_without_pickle(folder: Path) -> None:
    names = sorted(path.name for path in (folder / "fsdp-muon/checkpoints/step-00000012").iterdir())
    assert names == [
        "manifest.json",
        "shard-00001-model-00001-of-00001.safetensors",
        "shard-00002-model-00001-of-00001.safetensors",
        "state.json",
    ]
