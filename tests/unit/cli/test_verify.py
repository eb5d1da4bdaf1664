"""``cutaway verify``: what it recognises, what it names, the codes it ends with."""

import json
import shutil
from pathlib import Path

import pytest

from corpora import TINY, write_corpus
from cutaway.cli.app import run
from cutaway.data import prepare
from toy_runs import run as train_toy
from toy_runs import write_corpus as write_tales


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("verify")
    write_tales(folder)
    train_toy(str(folder), str(folder / "run"), "training.steps=4")
    return folder


@pytest.fixture
def toy(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made / "run", tmp_path / "run")
    return tmp_path / "run"


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


def test_a_run_is_looked_at_in_all_its_parts(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options in ([], ["--fast"]):
        assert run(["verify", str(toy), *options]) == 0
        lines = capsys.readouterr().out.splitlines()
        assert [line.split(":")[0] for line in lines] == [
            str(toy / name)
            for name in (
                "checkpoints/step-00000002",
                "checkpoints/step-00000004",
                "train.bin",
                "valid.bin",
                "model",
            )
        ]
        assert all(("of the right size" if options else "sound") in line for line in lines)
    assert run(["verify", str(toy), "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [one["kind"] for one in found] == [*["checkpoint"] * 2, *["tokens"] * 2, "model"]


@pytest.mark.parametrize(
    "name",
    [
        "checkpoints/step-00000002/optimizer.safetensors",
        "checkpoints/step-00000004/manifest.json",
        "train.bin",
        "model/model.safetensors",
        "model/config.json",
        "model.json",
    ],
)
def test_damage_is_named_and_ends_with_4(
    toy: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    flip(toy / name)
    parts = [toy, *([toy / name.rpartition("/")[0]] if name.count("/") else [])]
    for path in parts:
        assert run(["verify", str(path)]) == 4
        captured = capsys.readouterr()
        assert name.rpartition("/")[2] in captured.err
        assert "DAMAGED" in captured.out
    (toy / name).write_bytes(b"")
    assert run(["verify", str(toy), "--fast"]) == 4


def test_an_adapter_is_part_of_a_run(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_ = made / "lora"
    train_toy(str(made), str(run_), "training.steps=2", "lora.rank=2")
    assert run(["verify", str(run_)]) == 0
    flip(run_ / "adapter" / "adapter_model.safetensors")
    assert run(["verify", str(run_)]) == 4
    assert "adapter/adapter_model.safetensors (another checksum)" in capsys.readouterr().err


def test_a_model_is_read_whole(toy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(toy / "model", toy.parent / "copied")
    assert run(["verify", str(toy.parent / "copied")]) == 0
    assert "fingerprint" in capsys.readouterr().out
    with (toy.parent / "copied" / "model.safetensors").open("r+b") as file:
        file.truncate(100)
    assert run(["verify", str(toy.parent / "copied")]) == 4
    assert "model.safetensors" in capsys.readouterr().err


def test_a_prepared_corpus_is_handed_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prepare(write_corpus(tmp_path / "corpus", n=30), tmp_path / "out", tokenizer=TINY)
    assert run(["verify", str(tmp_path / "out")]) == 0
    assert "corpus, sound" in capsys.readouterr().out
    flip(tmp_path / "out" / "train-00000.bin")
    assert run(["verify", str(tmp_path / "out")]) == 4
    assert "train-00000.bin" in capsys.readouterr().err


def test_what_is_not_there_ends_with_3(tmp_path: Path) -> None:
    assert run(["verify", str(tmp_path / "absent")]) == 3
    assert run(["verify", str(tmp_path / "checkpoints" / "step-00000001")]) == 3
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    assert run(["verify", str(tmp_path / "run")]) == 3


def test_a_step_that_is_damaged_is_not_the_model_of_a_run(
    toy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before the run has come to its end its newest step stands for it."""
    shutil.rmtree(toy / "model")
    (toy / "checkpoints" / "step-00000004" / "model.safetensors").write_bytes(b"")
    assert run(["score", "a fox", "-m", str(toy)]) == 0
    capsys.readouterr()
