"""The trainers that are timed against each other make the same steps."""

import pytest
from benchmarks import steps
from benchmarks.training import peak_bytes, table

from cutaway.models import GPT2Config

TINY = GPT2Config(vocab_size=61, n_ctx=24, n_embd=20, n_layer=2, n_head=5)


def losses(name: str, precision: str) -> list[float]:
    with steps.trainer(name, "tiny", precision=precision, compiled=False) as step:
        return [step(i) for i in range(3)]


@pytest.fixture(autouse=True)
def _tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(steps.SHAPES, "tiny", 3)
    monkeypatch.setattr(steps, "shape_of", lambda _: TINY)


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_all_trainers_have_the_same_losses(precision: str) -> None:
    """But for the padded vocabulary of one and the target the other does not have."""
    ours = losses("cutaway", precision)
    for peer in steps.CONTENDERS[1:]:
        assert losses(peer, precision) == pytest.approx(ours, abs=0.06)


def test_the_bundled_shape_is_that_of_its_recipe(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    assert steps.shape_of("pocket").vocab_size == 8192
    assert steps.shape_of("gpt2") == GPT2Config()


def test_the_table_has_a_line_for_each_case() -> None:
    found = {
        "shape": "gpt2",
        "precision": "bf16",
        "compiled": True,
        "tokens_per_s": dict.fromkeys(steps.CONTENDERS, 1234),
        "peak_mb": dict.fromkeys(steps.CONTENDERS, 3000),
        "ratio": 1.25,
    }
    assert table([found]).splitlines()[-1] == (
        "| gpt2 bf16 compiled " + "| 1,234 tok/s, 3,000 MB " * 3 + "| 1.25 |"
    )


def test_a_process_has_had_some_memory() -> None:
    assert 10**7 < peak_bytes() < 10**12
