"""The Transformer of 2017 learns pairs in the same loop, and is asked as it was taught."""

from pathlib import Path

from cutaway.apps.translation import Translator
from cutaway.checkpoints import load_checkpoint
from cutaway.generation import load
from cutaway.models import EncoderDecoder
from cutaway.training import train
from toy_pairs import PAIRS, RECIPE, write_pairs

MODEL = RECIPE.replace("[model]", '[model]\nkind = "transformer"\nn_inner = 64')
LONG = [
    "training.steps=150",
    'schedule.kind="linear"',
    "schedule.warmup_steps=20",
    "training.batch_size=32",
    "training.micro_batch_size=32",
    "optimizer.lr=1e-2",
    'samples.prompts=["abc"]',
    "samples.every=100",
]


def test_it_learns_to_mirror_words(tmp_path: Path) -> None:
    recipe = write_pairs(tmp_path, MODEL)
    done = train(recipe, data=tmp_path, out=tmp_path / "run", settings=LONG)
    assert done.valid_loss is not None
    assert done.valid_loss < 0.5
    lm = load(tmp_path / "run")
    assert isinstance(lm.model, EncoderDecoder)
    translator = Translator(lm, beams=3, max_tokens=8)
    some = PAIRS[:40]
    found = translator.attempts([source for source, _ in some])
    right = sum(one.text == target for one, (_, target) in zip(found, some, strict=True))  # type: ignore[union-attr]
    assert right >= 20
    assert '"prompt": "abc"' in (tmp_path / "run" / "samples.jsonl").read_text()


def test_with_both_stacks_run_again_it_goes_on_where_it_was(tmp_path: Path) -> None:
    recipe = write_pairs(tmp_path, MODEL)
    settings = ["training.steps=12", "training.recompute=true", "model.dropout=0.1"]
    whole = train(recipe, data=tmp_path, out=tmp_path / "whole", settings=settings)
    train(
        recipe, data=tmp_path, out=tmp_path / "half", settings=["training.steps=10", *settings[1:]]
    )
    half = train(recipe, data=tmp_path, out=tmp_path / "half", settings=settings)
    one, other = (load_checkpoint(done.directory).fingerprint for done in (whole, half))
    assert one == other
