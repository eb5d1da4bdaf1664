"""A recipe is planned, not run; a run for which there is too little memory takes none."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from corpora import TINY, write_corpus
from cutaway.checkpoints import memory
from cutaway.cli.app import run
from cutaway.data import PrepareConfig, prepare
from cutaway.errors import ConfigError, ResourceError
from cutaway.tokenizers import Tokenizer
from cutaway.training import planning, train
from cutaway.training.planning import plan_run, speed_from
from cutaway.training.recipe import read_recipe

RECIPE = """
[model]
vocab_size = 260
n_ctx = 16
n_embd = 8
n_layer = 1
n_head = 2
[data]
prepared = [{ folder = "web" }]
[training]
steps = 50
batch_size = 4
micro_batch_size = 2
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    [corpus, *_] = write_corpus(tmp_path / "corpus", n=40)
    prepare([corpus], tmp_path / "web", tokenizer=TINY, config=PrepareConfig(val=0.2))
    (tmp_path / "toy.toml").write_text(RECIPE)
    return tmp_path


def planned(folder: Path, *settings: str) -> planning.RunPlan:
    recipe = read_recipe(folder / "toy.toml", settings)
    return plan_run(recipe, data=folder, out=folder / "run", device=torch.device("cpu"))


def test_a_plan_counts_what_a_run_would_do(folder: Path) -> None:
    plan = planned(folder)
    assert plan.parameters == (260 + 16 + 2) * 8 + 12 * 8 * 8 + 13 * 8
    assert list(plan.tokens_per_step) == [64]
    assert plan.tokens == 3_200
    [part] = plan.corpus
    assert part.n_tokens is not None
    assert not part.problem
    assert plan.epochs == pytest.approx(3_200 / part.n_tokens)
    assert plan.fits
    assert not (folder / "run").exists()
    [part] = planned(folder, "model.vocab_size=290").corpus
    assert part.problem == "has 260 entries, model.vocab_size is 290"


def test_a_plan_says_what_is_not_there(folder: Path) -> None:
    prepare([folder / "corpus"], folder / "other", tokenizer=Tokenizer.gpt2())
    plan = planned(
        folder,
        'data.prepared=[{folder="web"},{folder="other"},{folder="nowhere"}]',
        'data.valid=[{file="a.txt"}]',
        'tokenizer.files=["corpus/a.txt"]',
    )
    problems = {part.name: part.problem for part in plan.corpus}
    assert problems["other"] == "was prepared with another vocabulary"
    assert problems["nowhere"].endswith("nowhere is no prepared corpus.")
    assert problems["a.txt"] == "is not there"
    assert not problems["corpus/a.txt"]
    assert plan.epochs is None


def test_files_are_counted_once_they_are_encoded(folder: Path) -> None:
    settings = ["data.prepared=[]", 'data.train=[{file="corpus/a.txt"}]', "model.vocab_size=50257"]
    assert planned(folder, *settings).epochs is None
    (folder / "run").mkdir()
    (folder / "run" / "train.json").write_text('{"n_tokens": 1600}')
    assert planned(folder, *settings).epochs == 2.0


def test_a_speed_is_given_or_follows_from_the_peak(folder: Path) -> None:
    plan = planned(folder)

    def speed(**given: float | None) -> float | None:
        values: dict[str, Any] = {"tokens_per_second": None, "mfu": None, "peak": None, **given}
        return speed_from(plan, **values)

    assert speed() is None
    assert speed(tokens_per_second=32.0) == 32.0
    assert plan.seconds(32.0) == 100.0
    assert speed(mfu=0.5, peak=1e12) == pytest.approx(0.5e12 * plan.tokens / plan.flops)
    for wrong in ({"tokens_per_second": 0.0}, {"mfu": 1.5, "peak": 1.0}, {"mfu": 0.5}):
        with pytest.raises(ConfigError):
            speed(**wrong)


def test_the_command_line_prints_a_plan(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = ["train", str(folder / "toy.toml"), "--plan", "--out", str(folder / "run")]
    assert run([*command, "--mfu", "0.4", "--peak", "989", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["tokens"] == 3_200
    assert found["memory"]["total"] == sum(found["memory"].values()) - found["memory"]["total"]
    assert found["seconds"] > 0
    assert run([*command, "--tokens-per-second", "10"]) == 0
    lines = capsys.readouterr().out
    assert "5.33 min at 10 tokens/s" in lines
    assert "tokens\n" in lines
    assert run([*command, "--set", "model.vocab_size=290"]) == 0
    assert "web: has 260 entries, model.vocab_size is 290" in capsys.readouterr().out
    assert run([*command, "--mfu", "0.4"]) == 2
    assert not (folder / "run").exists()


def test_too_little_memory_is_refused_before_any_is_taken(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "meminfo").write_text("MemAvailable: 300000 kB\n")
    monkeypatch.setattr(memory, "_MEMINFO", folder / "meminfo")
    large = ["model.n_embd=768", "model.n_layer=4", "model.n_head=12", "model.n_ctx=1024"]
    with pytest.raises(ResourceError, match=r"This run needs .* 0\.3 GB are free") as caught:
        train(folder / "toy.toml", data=folder, out=folder / "run", settings=large)
    assert "What fits: " in caught.value.hint
    assert not (folder / "run").exists()
    changes = [word for setting in large for word in ("--set", setting)]
    command = ["train", str(folder / "toy.toml"), "--out", str(folder / "run"), *changes]
    assert run(command) == 5
    capsys.readouterr()
    assert run([*command, "--plan"]) == 0
    assert "it does not fit" in capsys.readouterr().out


def test_a_batch_that_grows_and_an_adapter_are_counted(folder: Path) -> None:
    growth = "training.batch_growth=[{step=10, batch_size=8}]"
    plan = planned(folder, growth)
    assert list(plan.tokens_per_step) == [64, 128]
    assert plan.tokens == 10 * 64 + 40 * 128
    adapter = planned(folder, "lora.rank=2").memory.parts
    assert adapter["gradients"] == 4 * 2 * (8 + 24)
    assert adapter["weights"] == plan.memory.parts["weights"]
    again = planned(folder, "training.recompute=true", "training.precision=fp16").memory.parts
    assert again["activations"] < plan.memory.parts["activations"]
    assert again["casts"]
