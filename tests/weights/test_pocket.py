"""The model in the box is the one that was measured: its file, its numbers, its manners."""

import hashlib
import json
import os
from pathlib import Path

import pytest
import torch

import cutaway
from cutaway.generation import LanguageModel
from cutaway.models import PRESETS

FOLDER = Path(cutaway.__file__).parent / "assets" / "pocket"
ROWS = Path(__file__).with_name("pocket_rows.json")
TEXT = "Once upon a time there was a little girl who lived in the wood with her"

pytestmark = [
    pytest.mark.weights,
    pytest.mark.skipif(not (FOLDER / "model.safetensors").is_file(), reason="no bundled model"),
]


@pytest.fixture(scope="module")
def lm() -> LanguageModel:
    return cutaway.load()


def rows(lm: LanguageModel) -> dict[str, object]:
    """The file's hash, and the logits at three places of a text: the best five and their sum."""
    ids = lm.encode(TEXT)
    with torch.inference_mode():
        logits = lm.model(torch.tensor([ids]))[0].double()
    picked = {}
    for place in (0, len(ids) // 2, len(ids) - 1):
        best = logits[place].topk(5)
        picked[str(place)] = {
            "ids": best.indices.tolist(),
            "logits": [round(value, 5) for value in best.values.tolist()],
            "sum": round(float(logits[place].sum()), 3),
        }
    weights = (FOLDER / "model.safetensors").read_bytes()
    return {"sha256": hashlib.sha256(weights).hexdigest(), "ids": ids, "rows": picked}


def test_file_tokens_and_logits_are_those_of_the_record(lm: LanguageModel) -> None:
    now = rows(lm)
    if os.environ.get("CUTAWAY_UPDATE"):
        ROWS.write_text(json.dumps(now, indent=2) + "\n", encoding="utf-8")
    recorded = json.loads(ROWS.read_text(encoding="utf-8"))
    assert now["sha256"] == recorded["sha256"]
    assert now["ids"] == recorded["ids"]
    for place, row in recorded["rows"].items():
        got = now["rows"][place]  # type: ignore[index]
        assert got["ids"] == row["ids"]
        # float32 sums differ by some 1e-5 between machines; logits are of the order of 10.
        assert got["logits"] == pytest.approx(row["logits"], abs=2e-3)
        assert got["sum"] == pytest.approx(row["sum"], abs=8192 * 2e-3)


def test_it_is_the_preset_and_fits_in_the_box(lm: LanguageModel) -> None:
    assert lm.model.config == PRESETS["pocket"]
    assert lm.tokenizer.vocab_size == lm.model.config.vocab_size
    assert (FOLDER / "model.safetensors").stat().st_size <= 60_000_000


def test_the_card_names_this_file(lm: LanguageModel) -> None:
    card = (FOLDER / "README.md").read_text(encoding="utf-8")
    assert json.loads(ROWS.read_text())["sha256"] in card
    assert (FOLDER / "CREDITS.md").read_text(encoding="utf-8").count("[CC-BY]") > 600


def test_it_has_learnt_english(lm: LanguageModel) -> None:
    good = lm.score("The boy was very happy because his mother came home.").nll
    bad = lm.score("The boy were very happy because his mother comed home.").nll
    mixed = lm.score("home came mother his because happy very was boy The.").nll
    assert good < bad < mixed


def test_a_seed_fixes_its_story(lm: LanguageModel) -> None:
    first = lm.generate("Once upon a time", seed=3, max_new_tokens=30)
    again = lm.generate("Once upon a time", seed=3, max_new_tokens=30)
    assert first == again
    assert len(first.ids) == 30
