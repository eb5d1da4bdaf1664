"""From a file of pairs to a model that has learned them, and on after a stop."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from cutaway.checkpoints import load_checkpoint
from cutaway.data import Pair, TaskFormat
from cutaway.errors import ConfigError, DataError
from cutaway.models import Decoder, EncoderDecoder
from cutaway.nn.masks import prefix_mask
from cutaway.tokenizers import Tokenizer
from cutaway.training import train
from toy_pairs import PAIRS, RECIPE, write_pairs
from toy_runs import hex_losses


def run(folder: Path, out: str, *settings: str, recipe: str = RECIPE, init: str | None = None):  # type: ignore[no-untyped-def]
    return train(write_pairs(folder, recipe), data=folder, out=folder / out, settings=settings,
                 init=init)  # fmt: skip


def written(model: Decoder, tokenizer: Tokenizer, task: TaskFormat, source: str) -> str:
    """The likeliest target, read from scratch for each token."""
    ids = task.prompt_ids(tokenizer, source)
    prefix = torch.tensor([len(ids) if task.mask == "prefix" else 0])
    while len(ids) < model.config.n_ctx:
        tokens = torch.tensor([ids])
        x = model.hidden(tokens, mask=prefix_mask(prefix, len(ids)))
        ids.append(int(model.unembed(x[:, -1]).argmax()))
        if ids[-1] == tokenizer.eot:
            break
    return tokenizer.decode(ids[ids.index(task.marker_id(tokenizer)) + 1 : -1])


@pytest.mark.parametrize(
    ("settings", "loss", "right"),
    [
        ([], 0.4, 20),
        (['task.mask="prefix"'], 0.4, 20),
        (['task.loss="both"', "training.label_smoothing=0.1"], 1.65, 0),
    ],
    ids=["target", "prefix", "both"],
)
def test_a_model_learns_to_mirror_words(
    tmp_path: Path, settings: list[str], loss: float, right: int
) -> None:
    """Of the target alone nothing is left to guess; a source has 1.8 nats a letter."""
    done = run(
        tmp_path, "run", *settings, "training.steps=120", 'schedule.kind="linear"',
        "training.batch_size=32", "training.micro_batch_size=32", "optimizer.lr=2e-2",
    )  # fmt: skip
    loaded, task = load_checkpoint(done.directory), TaskFormat.load(done.directory)
    assert loaded.tokenizer is not None
    assert dict(loaded.tokenizer.specials) == {"<mirror>": 257}
    assert task.task == "translation"
    assert done.valid_loss < loss
    with torch.no_grad():
        same = sum(written(loaded.model, loaded.tokenizer, task, a) == b for a, b in PAIRS[:40])
    assert same >= right


def test_the_validation_loss_is_that_of_the_targets_alone(tmp_path: Path) -> None:
    done = run(tmp_path, "run", "training.label_smoothing=0.3", "training.steps=5")
    loaded, task = load_checkpoint(done.directory), TaskFormat.load(done.directory)
    assert loaded.tokenizer is not None
    about = json.loads((tmp_path / "run" / "log.jsonl").read_text().splitlines()[0])
    assert about["corpus_tokens"].keys() == {"train", "valid"}
    # Which pairs are held out is no secret: those of neither draw are the rest.
    n_valid = len(PAIRS) - round(0.9 * len(PAIRS))
    total, n = 0.0, 0
    order = np.random.default_rng([0, len(PAIRS)]).permutation(len(PAIRS))
    for i in order[-n_valid:]:
        row = task.row(loaded.tokenizer, Pair(*PAIRS[i]))
        with torch.no_grad():
            log_p = loaded.model(torch.tensor([row.ids[:-1]]))[0].log_softmax(dim=-1)
        for place in range(row.n_prompt, len(row.ids)):
            total -= float(log_p[place - 1, row.ids[place]])
            n += 1
    assert done.valid_loss == pytest.approx(total / n, rel=1e-4)


TWO_STACKS = ["model.kind=transformer", "model.n_inner=64", "model.n_layer=1"]


def test_two_stacks_learn_to_mirror_words(tmp_path: Path) -> None:
    done = run(
        tmp_path, "run", *TWO_STACKS, "training.steps=150", 'schedule.kind="linear"',
        "training.batch_size=32", "training.micro_batch_size=32", "optimizer.lr=1e-2",
        "schedule.warmup_steps=10", "samples.every=150", 'samples.prompts=["abc"]',
        "samples.max_new_tokens=5",
    )  # fmt: skip
    assert done.valid_loss < 1.0
    assert isinstance(load_checkpoint(done.directory).model, EncoderDecoder)
    assert TaskFormat.load(done.directory).marker == "<mirror>"
    assert (tmp_path / "run" / "samples.jsonl").read_text().count("\n") == 1


@pytest.mark.parametrize(
    "layout",
    [['task.mask="causal"'], ['task.mask="prefix"'], TWO_STACKS],
    ids=["causal", "prefix", "two stacks"],
)
def test_a_run_that_goes_on_equals_one_that_never_stopped(
    tmp_path: Path, layout: list[str]
) -> None:
    common = [*layout, "model.dropout=0.1", "training.label_smoothing=0.1"]
    run(tmp_path, "whole", *common, "training.steps=24")
    run(tmp_path, "parts", *common, "training.steps=9")
    run(tmp_path, "parts", *common, "training.steps=24")
    whole, parts = hex_losses(tmp_path / "whole"), hex_losses(tmp_path / "parts")
    assert len(whole) == 24
    assert whole == parts
    one, other = (load_checkpoint(tmp_path / out / "model") for out in ("whole", "parts"))
    assert one.fingerprint == other.fingerprint


def test_pairs_that_changed_are_noticed(tmp_path: Path) -> None:
    run(tmp_path, "run", "training.steps=4")
    path = write_pairs(tmp_path)
    table = tmp_path / "pairs.tsv"
    table.write_text(table.read_text().replace("a", "h", 1))
    with pytest.raises(DataError, match=r"has changed .*: pairs\.tsv"):
        train(path, data=tmp_path, out=tmp_path / "run", settings=["training.steps=8"])
    with pytest.raises(ConfigError, match="was made with task = "):
        run(tmp_path, "run", 'task.loss="both"')


def test_a_model_to_start_from_gets_a_row_for_the_marker(tmp_path: Path) -> None:
    base = run(tmp_path, "base", "training.steps=3")
    recipe = RECIPE.replace("<mirror>", "<other>").replace("pairs = true", "")
    recipe = recipe[: recipe.index("[model]")] + recipe[recipe.index("[data]") :]
    init = str(base.directory)
    tuned = run(tmp_path, "tuned", "optimizer.lr=0", "optimizer.muon_lr=0", "training.steps=1",
                recipe=recipe, init=init)  # fmt: skip
    old, new = load_checkpoint(init), load_checkpoint(tuned.directory)
    assert new.tokenizer is not None
    assert dict(new.tokenizer.specials) == {"<mirror>": 257, "<other>": 258}
    before, after = old.model.wte.weight, new.model.wte.weight
    assert torch.equal(after[:258], before)
    assert (after[258] - before.mean(dim=0)).norm() < 0.2 * before.std(dim=0).norm()
    with torch.no_grad():
        tokens = torch.tensor([[3, 1, 4]])
        ours, theirs = new.model(tokens), old.model(tokens)
    assert torch.equal(ours[..., :258], theirs)
    assert (ours[..., 258] < theirs.max(dim=-1).values).all()
    again = run(tmp_path, "again", "training.steps=1", recipe=recipe, init=str(tuned.directory))
    assert load_checkpoint(again.directory).model.config.vocab_size == 259


def test_an_adapter_of_a_model_that_grew_has_its_base_beside_it(tmp_path: Path) -> None:
    base = run(tmp_path, "base", "training.steps=3")
    recipe = RECIPE.replace("<mirror>", "<other>").replace("pairs = true", "")
    recipe = recipe[: recipe.index("[model]")] + recipe[recipe.index("[data]") :]
    run(tmp_path, "tuned", "lora.rank=2", "training.steps=3", 'optimizer.kind="adamw"',
        recipe=recipe, init=str(base.directory))  # fmt: skip
    out = tmp_path / "tuned"
    whole = load_checkpoint(out / "model")
    put_in = load_checkpoint(out / "base", adapter=out / "adapter")
    tokens = torch.tensor([[3, 1, 258]])
    torch.testing.assert_close(put_in.model(tokens), whole.model(tokens))


def test_the_finished_model_may_be_the_mean_of_the_last_checkpoints(tmp_path: Path) -> None:
    settings = ["training.steps=10", "checkpoints.every=4", "checkpoints.keep=3"]
    mean = run(tmp_path, "mean", *settings, "checkpoints.average=2")
    last = run(tmp_path, "last", *settings)
    assert hex_losses(tmp_path / "mean") == hex_losses(tmp_path / "last")
    weights = [
        load_checkpoint(tmp_path / "last" / "checkpoints" / f"step-{step:08d}").model.state_dict()
        for step in (8, 10)
    ]
    for name, weight in load_checkpoint(mean.directory).model.state_dict().items():
        torch.testing.assert_close(weight, (weights[0][name] + weights[1][name]) / 2)
    assert mean.valid_loss != last.valid_loss
    again = run(tmp_path, "mean", *settings, "checkpoints.average=2")
    assert again == mean


def test_bad_lines_are_left_out_when_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_pairs(tmp_path)
    with (tmp_path / "pairs.tsv").open("a") as file:
        file.write("abc\n")
    with pytest.raises(DataError, match=r"pairs\.tsv:601: 1 column"):
        train(path, data=tmp_path, out=tmp_path / "run")
    caplog.set_level("WARNING", "cutaway.training")
    settings = ['data.bad_pairs="skip"', "training.steps=1"]
    train(path, data=tmp_path, out=tmp_path / "run", settings=settings)
    assert "pairs.tsv:601: 1 column" in caplog.text


@pytest.mark.parametrize("mask", ["causal", "prefix"])
def test_samples_are_targets_of_their_prompts(tmp_path: Path, mask: str) -> None:
    settings = ["training.steps=4", "samples.every=4", "samples.max_new_tokens=5"]
    run(tmp_path, "run", f"task.mask={mask}", *settings, 'samples.prompts=["abc"]')
    [entry] = map(json.loads, (tmp_path / "run" / "samples.jsonl").read_text().splitlines())
    assert entry["prompt"] == "abc"


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (['task.kind="text"'], r'data\.train_pairs is set, and task\.kind is "text"'),
        (["data.train_pairs=[]"], "names no file"),
        (['data.train=[{file="a.txt"}]'], r"data\.train is set"),
        (['data.prepared=[{folder="a"}]'], r"data\.prepared is set"),
        (["training.document_mask=true"], r"training\.document_mask is set"),
        (["training.short_steps=2", "training.short_window=4"], r"training\.short_steps is set"),
        (['data.final=[{file="a"}]', "training.final_steps=1"], r"data\.final is set"),
        (['task.kind="poem"'], r"task\.kind is 'poem'"),
        (['task.too_long="wrap"'], r"task\.too_long is 'wrap'"),
        (['task.mask="prefix"', 'task.loss="both"'], "nothing to predict"),
        ([*TWO_STACKS, 'task.mask="prefix"'], r"task\.mask is 'prefix', and .* encoder-decoder"),
        ([*TWO_STACKS, 'task.loss="both"'], r"task\.loss is 'both', and .* encoder-decoder"),
        (
            [*TWO_STACKS, "task.kind=text", "data.train_pairs=[]", "data.valid_pairs=[]"],
            "encoder-decoder, and task.kind is",
        ),
        (
            ["model.kind=transformer-decoder", 'task.mask="prefix"'],
            "the model is a transformer-decoder",
        ),
        (['task.marker="a b"'], "cannot be the name"),
        (["task.marker=3"], r"task\.marker is 3"),
        (['data.bad_pairs="mend"'], r"data\.bad_pairs"),
        (['data.train_pairs=[{source="pairs.tsv", part=[0.5, 0.5]}]'], "part of 'pairs.tsv'"),
        (['data.train_pairs=[{source="pairs.tsv", fields=["a"]}]'], "fields of 'pairs.tsv'"),
        (['data.train_pairs=[{source="pairs.tsv", draw=-1}]'], "draw of 'pairs.tsv'"),
        (["training.label_smoothing=1.0"], r"training\.label_smoothing"),
        (["checkpoints.average=3"], r"checkpoints\.average is 3, checkpoints\.keep 2"),
        (
            ["checkpoints.average=2", "validation.every=1", "validation.keep_best=true"],
            r"checkpoints\.average is 2, and validation\.keep_best",
        ),
    ],
)
def test_what_does_not_go_together_is_refused(
    tmp_path: Path, settings: list[str], message: str
) -> None:
    with pytest.raises((ConfigError, DataError, ValueError), match=message) as caught:
        run(tmp_path, "run", *settings)
    assert getattr(caught.value, "hint", "")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (["model.n_ctx=6"], r"pairs\.tsv:\d+: the pair has \d and \d tokens and a marker"),
        (['data.train_pairs=[{source="absent.tsv"}]'], r"No file of pairs at .*absent\.tsv"),
        (["tokenizer.pairs=false"], "50258 entries, model.vocab_size is 258"),
        (["model.vocab_size=9000"], "yields only"),
    ],
)
def test_what_the_files_do_not_give_is_refused(
    tmp_path: Path, settings: list[str], message: str
) -> None:
    with pytest.raises((ConfigError, DataError, ValueError), match=message) as caught:
        run(tmp_path, "run", *settings)
    assert getattr(caught.value, "hint", "")
