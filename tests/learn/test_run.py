"""From a recipe and a folder of text to a model directory, and on after a stop."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cutaway.checkpoints import load_checkpoint
from cutaway.errors import ConfigError, DataError
from cutaway.training import train
from toy_runs import DOCUMENTS, TOY_DATA, TOY_MODEL, losses, write_corpus

RECIPE = f"""
{TOY_MODEL}{TOY_DATA}[optimizer]
lr = 1e-2
[training]
steps = 20
batch_size = 4
[checkpoints]
every = 5
[validation]
every = 10
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_corpus(tmp_path, RECIPE)
    return tmp_path


def test_a_recipe_becomes_a_model_that_loads(folder: Path) -> None:
    out = folder / "run"
    trained = train(folder / "toy.toml", data=folder, out=out)
    loaded = load_checkpoint(trained.directory)
    assert loaded.model.config.vocab_size == 290
    assert loaded.tokenizer is not None
    assert loaded.tokenizer.decode(loaded.tokenizer.encode("The sly fox")) == "The sly fox"
    assert trained.valid_loss is not None
    assert trained.valid_loss < losses(out)[0]
    index = json.loads((out / "train.json").read_text())
    assert index["n_documents"] == 24
    assert index["n_bytes"] == 2 * sum(map(len, DOCUMENTS))


def test_a_finished_run_does_nothing_more(folder: Path) -> None:
    first = train(folder / "toy.toml", data=folder, out=folder / "run")
    before = losses(folder / "run")
    again = train(folder / "toy.toml", data=folder, out=folder / "run")
    assert again == first
    assert losses(folder / "run") == before


def test_a_corpus_that_changed_is_noticed(folder: Path) -> None:
    train(folder / "toy.toml", data=folder, out=folder / "run")
    with (folder / "run" / "train.bin").open("r+b") as file:
        file.write(b"\x01\x00\x01")
    with pytest.raises(DataError, match=r"train\.bin does not match its index"):
        train(folder / "toy.toml", data=folder, out=folder / "run")


def test_a_vocabulary_of_another_size_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"50257 entries, model\.vocab_size is 290"):
        train(folder / "toy.toml", data=folder, out=folder / "run", settings=["tokenizer.files=[]"])


def test_a_run_starts_from_a_model(folder: Path) -> None:
    """Its sizes, weights and vocabulary; dropout alone may be chosen."""
    base = train(folder / "toy.toml", data=folder, out=folder / "base")
    recipe = RECIPE[RECIPE.index("[data]") :].replace("lr = 1e-2", "lr = 0.0")
    (folder / "on.toml").write_text("seed = 3\n[model]\ndropout = 0.1\n" + recipe)
    tuned = train(folder / "on.toml", data=folder, out=folder / "on", init=str(base.directory))
    assert tuned.valid_loss == base.valid_loss  # at a rate of 0 nothing changes
    one, other = load_checkpoint(base.directory), load_checkpoint(tuned.directory)
    assert one.fingerprint == other.fingerprint
    assert other.tokenizer == one.tokenizer
    with pytest.raises(ConfigError, match=r"model\.n_ctx is 8, and .* has 16"):
        train(
            folder / "on.toml",
            data=folder,
            out=folder / "on",
            init=str(base.directory),
            settings=["model.n_ctx=8"],
        )
    with pytest.raises(ConfigError, match="was made with init = "):
        train(folder / "on.toml", data=folder, out=folder / "on", init=str(folder / "base"))


def test_it_writes_while_it_learns(folder: Path) -> None:
    settings = ["samples.every=10", 'samples.prompts=["The sly", ""]', "samples.max_new_tokens=5"]
    train(folder / "toy.toml", data=folder, out=folder / "run", settings=settings)
    lines = (folder / "run" / "samples.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert [(entry["step"], entry["prompt"]) for entry in entries] == [
        (10, "The sly"), (10, ""), (20, "The sly"), (20, ""),
    ]  # fmt: skip
    assert all(entry["text"] for entry in entries)
    plain = train(folder / "toy.toml", data=folder, out=folder / "plain")
    assert losses(folder / "run") == losses(folder / "plain")  # samples change nothing
    assert plain.valid_loss is not None


def test_packed_documents_can_be_kept_apart(folder: Path) -> None:
    apart = train(folder / "toy.toml", data=folder, out=folder / "apart",
                  settings=["training.document_mask=true"])  # fmt: skip
    plain = train(folder / "toy.toml", data=folder, out=folder / "plain")
    assert apart.valid_loss is not None
    assert apart.valid_loss != plain.valid_loss


PROGRAM = """
import sys
from pathlib import Path
from cutaway.errors import CutawayError
from cutaway.training import train
folder, out = Path(sys.argv[1]), Path(sys.argv[2])
try:
    train(folder / "toy.toml", data=folder, out=out, settings=["training.steps=300"])
except CutawayError as error:
    print(error)
    sys.exit(error.exit_code)
"""


def start(folder: Path, out: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, str(folder), str(out)],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> int:
    process.communicate()
    return process.returncode


def wait_for_steps(out: Path, n: int, process: subprocess.Popen[str]) -> None:
    while process.poll() is None:
        if (out / "log.jsonl").exists() and len(losses_so_far(out)) >= n:
            return
        time.sleep(0.01)
    raise AssertionError("the run ended before it could be stopped")


def losses_so_far(out: Path) -> list[str]:
    return (out / "log.jsonl").read_text().splitlines()


def test_a_run_killed_twice_and_interrupted_once_ends_as_if_untouched(folder: Path) -> None:
    """SIGKILL loses what was not saved and nothing else; SIGTERM saves first and exits with 6."""
    assert finish(start(folder, folder / "whole")) == 0
    out = folder / "parts"
    for n, how, code in [
        (23, signal.SIGKILL, -9),
        (77, signal.SIGTERM, 6),
        (140, signal.SIGKILL, -9),
    ]:
        process = start(folder, out)
        wait_for_steps(out, n, process)
        process.send_signal(how)
        output, _ = process.communicate()
        assert process.returncode == code
        assert ("the state is saved" in output) == (code == 6)
    assert finish(start(folder, out)) == 0
    assert losses(out) == losses(folder / "whole")
    models = [
        (folder / run / "model" / "model.safetensors").read_bytes() for run in ("whole", "parts")
    ]
    assert models[0] == models[1]
