"""Files of one's own and a model, to a model that has learned them."""

import gzip
import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from cutaway.checkpoints import load_checkpoint
from cutaway.cli.app import run
from cutaway.data import TaskFormat
from cutaway.training import train
from cutaway.training.finetune import recipe_for
from cutaway.training.recipe import Recipe
from cutaway.training.toml import to_toml
from toy_pairs import PAIRS, write_pairs
from toy_runs import hex_losses

QUICK = ("training.steps=6", "training.batch_size=4", "validation.every=3", "checkpoints.every=3")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("base")
    settings = ["training.steps=1"]
    return str(
        train(write_pairs(folder), data=folder, out=folder / "run", settings=settings).directory
    )


Command = Callable[..., int]


@pytest.fixture
def finetune(base: str, tmp_path: Path) -> Command:
    def command(
        *arguments: str, task: str = "translation", settings: tuple[str, ...] = QUICK
    ) -> int:
        changes = [word for setting in settings for word in ("--set", setting)]
        given = ["--from", base, "--task", task, "--out", str(tmp_path / "run"), *arguments]
        return run(["finetune", *given, *changes])

    return command


def test_pairs_become_a_model_with_a_recipe_and_a_curve(
    finetune: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_pairs(tmp_path)
    assert finetune("--data", str(tmp_path / "pairs.tsv")) == 0
    assert "validation loss" in capsys.readouterr().out
    out = tmp_path / "run"
    loaded, task = load_checkpoint(out / "model"), TaskFormat.load(out / "model")
    assert loaded.tokenizer is not None
    assert dict(loaded.tokenizer.specials) == {"<mirror>": 257}
    assert (task.task, task.marker) == ("translation", "<mirror>")  # as the base was taught
    recipe = tomllib.loads((out / "recipe.toml").read_text())
    assert recipe["data"]["valid_pairs"] == [{"source": "pairs.tsv", "part": [0.95, 1.0]}]
    assert recipe["training"]["steps"] == 6
    log = [json.loads(line) for line in (out / "log.jsonl").read_text().splitlines()]
    assert [entry["step"] for entry in log if "valid_loss" in entry] == [3, 6]
    before = hex_losses(out)
    assert finetune("--data", str(tmp_path / "pairs.tsv")) == 0  # it is over
    assert hex_losses(out) == before
    longer = ("training.steps=8", *QUICK[1:])
    assert finetune("--data", str(tmp_path / "pairs.tsv"), settings=longer) == 0
    assert len(hex_losses(out)) == 8


def test_two_files_and_others_to_measure_on(finetune: Command, tmp_path: Path) -> None:
    for folder, pairs in (("a", PAIRS[:50]), ("b", PAIRS[50:60])):
        (tmp_path / folder).mkdir()
        for side, name in enumerate(("x.en.gz", "x.de.gz")):
            text = "\n".join(pair[side] for pair in pairs)
            (tmp_path / folder / name).write_bytes(gzip.compress(text.encode()))
    files = [str(tmp_path / folder / name) for folder in "ab" for name in ("x.en.gz", "x.de.gz")]
    given = ["--data", files[0], "--data", files[1], "--valid", files[2], "--valid", files[3]]
    assert finetune(*given, "--marker", "<to-de>") == 0
    recipe = tomllib.loads((tmp_path / "run" / "recipe.toml").read_text())
    assert recipe["data"] == {
        "train_pairs": [{"source": "a/x.en.gz", "target": "a/x.de.gz"}],
        "valid_pairs": [{"source": "b/x.en.gz", "target": "b/x.de.gz"}],
    }
    assert recipe["task"]["marker"] == "<to-de>"
    tokenizer = load_checkpoint(tmp_path / "run" / "model").tokenizer
    assert tokenizer is not None
    assert tokenizer.specials["<to-de>"] == 258


def test_json_lines_an_adapter_and_bad_lines(
    finetune: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "stories.jsonl"
    lines = [json.dumps({"document": a * 9, "summary": b}) for a, b in PAIRS[:12]]
    path.write_text("\n".join([*lines, '{"document": "a"}']))
    given = ["--data", str(path), "--fields", "document,summary", "--lora", "2"]
    assert finetune(*given, task="summarization") == 2
    assert "stories.jsonl:13: no field 'summary'" in capsys.readouterr().err
    settings = ("training.steps=2", "checkpoints.every=1")
    assert finetune(*given, "--skip-bad", task="summarization", settings=settings) == 0
    said = capsys.readouterr().err
    assert "stories.jsonl:13" in said
    assert "too few to hold any out" in said
    out = tmp_path / "run"
    assert (out / "adapter").is_dir()
    recipe = tomllib.loads((out / "recipe.toml").read_text())
    assert recipe["task"] == {"kind": "summarization", "marker": "<sum>", "too_long": "cut"}


def test_texts(finetune: Command, tmp_path: Path) -> None:
    path = tmp_path / "tales.txt"
    path.write_text("\n<|endoftext|>\n".join(f"the {a} saw the {b}" for a, b in PAIRS))
    assert finetune("--data", str(path), task="text", settings=("training.steps=3",)) == 0
    assert TaskFormat.find(tmp_path / "run" / "model") is None
    assert load_checkpoint(tmp_path / "run" / "model").tokenizer is not None


@pytest.mark.parametrize(
    ("arguments", "task", "message"),
    [
        (["--data", "absent.tsv"], "translation", "No file of pairs at"),
        (["--data", "empty.tsv"], "translation", "has no pairs"),
        (["--data", "one.txt"], "translation", "one side of pairs"),
        (["--data", "one.tsv"], "translation", "one.tsv:1: 1 column(s)"),
        (["--data", "one.tsv"], "poetry", "No task is called 'poetry'"),
        (["--data", "a.tsv", "--data", "a.tsv", "--data", "a.tsv"], "pairs", "3 files of pairs"),
        (["--data", "a.tsv", "--epochs", "0"], "pairs", "epochs is 0"),
        (["--data", "a.tsv", "--marker", "to de"], "pairs", "cannot be the name"),
        (["--data", "a.tsv", "--lora", "-1"], "pairs", "lora.rank is -1"),
        (["--data", "a.tsv", "--fields", "a"], "pairs", "The fields are ['a']"),
        (["--data", "one.txt", "--valid", "one.txt"], "text", "a part of the texts is held out"),
    ],
)
def test_what_cannot_be_is_said(
    finetune: Command,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    task: str,
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    contents = {"empty.tsv": "\n", "one.txt": "a\n", "one.tsv": "a\n", "a.tsv": "ab\tba\n" * 9}
    for name, content in contents.items():
        (tmp_path / name).write_text(content)
    assert finetune(*arguments, task=task, settings=()) == 2
    said = capsys.readouterr().err
    assert message in " ".join(said.split())


def test_a_recipe_fits_the_number_of_examples() -> None:
    pairs = {"train_pairs": [{"source": "a.tsv"}], "valid_pairs": [{"source": "b.tsv"}]}
    many = recipe_for("pocket", pairs, n_examples=16_000, task="translation", width=384)
    few = recipe_for("pocket", pairs, n_examples=3, task="pairs", width=384, lora=8)
    assert many["training"]["steps"] == 3_000
    assert many["validation"] == {"every": 333, "patience": 3, "keep_best": True}
    assert many["optimizer"]["lr"] == 2.6e-4
    assert few["training"] == {
        "steps": 3, "batch_size": 3, "micro_batch_size": 3, "precision": "fp32",
    }  # fmt: skip
    assert few["optimizer"]["lr"] == 2.6e-3
    assert few["lora"]["rank"] == 8
    for tables in (many, few):
        text = to_toml(tables)
        assert tomllib.loads(text) == tables
        Recipe.from_dict({**tables, "init": ""})


def test_every_text_comes_back_from_toml() -> None:
    tables = {
        "a b": 'quote " back \\ new\nline \x7f \x01 ü 😀',
        "n": [1, 2.5, True, []],
        "t": {"x": {"y": "z"}, "e": 1e-9},
    }
    assert tomllib.loads(to_toml(tables)) == tables
