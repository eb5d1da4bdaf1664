"""Labels are learned from nothing, by a model that is there, and by an adapter beside it."""

import json
import random
import tomllib
from pathlib import Path

import pytest
import torch

import cutaway
from cutaway.apps.classification import Classifier
from cutaway.checkpoints import load_checkpoint
from cutaway.cli.app import run
from cutaway.data.task import TaskFormat
from cutaway.errors import DataError
from cutaway.evals.classification import labels_found, read_labelled
from cutaway.training import train
from cutaway.training.finetune import Examples, finetune
from toy_runs import hex_losses

RECIPE = """
seed = 1
[task]
kind = "classification"
marker = "<class>"
labels = ["few", "many"]
[model]
vocab_size = 260
n_ctx = 16
n_embd = 32
n_layer = 2
n_head = 2
[tokenizer]
pairs = true
[data]
train_pairs = [{ source = "words.jsonl", fields = ["text", "label"] }]
[optimizer]
kind = "muon"
lr = 1e-2
muon_lr = 2e-2
[schedule]
kind = "constant"
warmup_steps = 0
[training]
steps = 60
batch_size = 16
micro_batch_size = 8
[checkpoints]
every = 10
"""
QUICK = ("training.steps=80", "validation.every=40", "checkpoints.every=40")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Words of a and b: the label says whether there is a b; numbers say the same."""
    folder, rng = tmp_path_factory.mktemp("words"), random.Random(0)
    words = ["".join(rng.choices("aab", k=rng.randint(2, 5))) for _ in range(400)]
    for name, labels in (("words", ("few", "many")), ("numbers", (0, 1))):
        lines = [json.dumps({"text": word, "label": labels["b" in word]}) for word in words]
        (folder / f"{name}.jsonl").write_text("\n".join(lines))
    (folder / "toy.toml").write_text(RECIPE)
    return folder


@pytest.fixture(scope="module")
def base(folder: Path) -> Path:
    return train(folder / "toy.toml", data=folder, out=folder / "base").directory


def accuracy(model: Path, data: Path, *, adapter: Path | None = None) -> float:
    classifier = Classifier(cutaway.load(model, adapter=adapter))
    found = read_labelled(data, fields=("text", "label"), labels=classifier.labels, limit=100)
    given = [classifier(pair.source).label for pair in found]
    return labels_found([pair.target for pair in found], given).accuracy


def test_from_nothing(folder: Path, base: Path) -> None:
    loaded = load_checkpoint(base)
    assert loaded.tokenizer is not None
    assert dict(loaded.tokenizer.specials) == {
        "<class>": 257, "<label:few>": 258, "<label:many>": 259,
    }  # fmt: skip
    assert TaskFormat.load(base).labels == ("few", "many")
    assert accuracy(base, folder / "words.jsonl") > 0.9
    # What is taught ends: whoever goes on writing behind the marker gets the label alone.
    lm = cutaway.load(base)
    assert lm.task is not None
    written = lm.generate(lm.task.prompt_ids(lm.tokenizer, "ab"), temperature=0.0, max_new_tokens=5)
    assert written.ids == (259, lm.tokenizer.eot)


def test_a_label_that_is_none_of_the_task_ends_it_before_it_begins(folder: Path) -> None:
    settings = ['task.labels=["few", "none"]']
    with pytest.raises(DataError, match=r"words\.jsonl:\d+: the label 'many' is none of the 2"):
        train(folder / "toy.toml", data=folder, out=folder / "other", settings=settings)


@pytest.mark.parametrize("lora", [0, 4])
def test_a_model_that_is_there_learns_other_labels(folder: Path, base: Path, lora: int) -> None:
    out = folder / f"tuned-{lora}"
    taught = finetune(
        str(base),
        Examples(data=[folder / "numbers.jsonl"]),
        task="classification",
        out=out,
        lora=lora,
        settings=(*QUICK, "optimizer.lr=1e-2"),
    )
    task = TaskFormat.load(taught.directory)
    assert task.labels == ("few", "many", "0", "1")  # it keeps those that it knows
    recipe = tomllib.loads((out / "recipe.toml").read_text())
    assert recipe["task"]["labels"] == ["few", "many", "0", "1"]
    assert recipe["data"]["valid_pairs"][0]["fields"] == ["text", "label"]
    assert accuracy(taught.directory, folder / "numbers.jsonl") > 0.9
    if not lora:
        return
    before, after = load_checkpoint(base).model, load_checkpoint(out / "base").model
    for name, tensor in before.state_dict().items():
        rows = after.state_dict()[name]
        assert torch.equal(rows[: len(tensor)], tensor), name
    merged = load_checkpoint(taught.directory).model
    assert torch.equal(merged.wte.weight, after.wte.weight)
    assert accuracy(out / "base", folder / "numbers.jsonl", adapter=out) > 0.9


def test_an_adapter_with_new_rows_goes_on_after_a_stop(folder: Path, base: Path) -> None:
    def tuned(name: str, steps: int) -> Path:
        finetune(
            str(base),
            Examples(data=[folder / "numbers.jsonl"]),
            task="classification",
            out=folder / name,
            lora=2,
            settings=[f"training.steps={steps}", "checkpoints.every=2", 'schedule.kind="constant"'],
        )
        return folder / name

    whole = tuned("whole", 4)
    tuned("half", 2)
    half = tuned("half", 4)
    assert hex_losses(half) == hex_losses(whole)
    states = [load_checkpoint(out / "model").model.state_dict() for out in (half, whole)]
    assert all(torch.equal(states[0][name], tensor) for name, tensor in states[1].items())


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([("a", "x")] * 9, "All 9 examples have the label 'x'"),
        ([(str(i), str(i)) for i in range(9)], "9 examples have 9 different labels"),
        ([("a", 1.5)] * 9, ":1: 'label' is no label"),
    ],
)
def test_what_are_hardly_labels_is_said(
    folder: Path,
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    records: list[tuple[str, object]],
    message: str,
) -> None:
    path = tmp_path / "a.jsonl"
    lines = [json.dumps({"text": text, "label": label}) for text, label in records]
    path.write_text("\n".join(lines))
    given = ["--from", str(base), "--data", str(path), "--out", str(tmp_path / "run")]
    assert run(["finetune", "--task", "classification", *given]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
