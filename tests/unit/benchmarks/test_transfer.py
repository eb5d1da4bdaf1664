"""The transfer table at the size of a toy: its plan, its cells, and going on after a stop."""

import json
import lzma
from typing import Any

import pytest
from benchmarks import transfer

from cutaway.checkpoints import load_checkpoint, save_checkpoint
from cutaway.errors import ConfigError
from cutaway.evals.examples import read_experiment
from cutaway.models import GPT2, EncoderDecoder, GPT2Config
from cutaway.tokenizers import Tokenizer

WORDS = ["robot", "river", "king", "dog", "star", "boat", "bird"]


@pytest.fixture(scope="module")
def given(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    folder = tmp_path_factory.mktemp("transfer")
    pairs = [
        {"document": f"It was about a {a}. There was a {b}. It went on.", "summary": f"{a}, {b}"}
        for a in WORDS
        for b in WORDS
    ]
    for name, some in (("train", pairs[:40]), ("valid", pairs[40:])):
        text = "\n".join(map(json.dumps, some)).encode()
        (folder / f"{name}.jsonl.xz").write_bytes(lzma.compress(text))
    texts = [f"{pair['document']} {pair['summary']}" for pair in pairs]
    tokenizer = Tokenizer.train(texts, vocab_size=290)
    size = GPT2Config(vocab_size=290, n_ctx=64, n_embd=16, n_layer=2, n_head=2)
    save_checkpoint(folder / "base", GPT2(size, seed=1), tokenizer)
    options = {"base": "base", "train": "train.jsonl.xz", "valid": "valid.jsonl.xz", "out": "out"}
    words = [word for name, file in options.items() for word in (f"--{name}", str(folder / file))]
    small = "--shares 0.1 1 --passes 2 1 --batch 8 --documents 3 --max-tokens 6 --precision fp32"
    return [*words, *small.split()]


def test_a_plan_computes_nothing(given: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    transfer.main([*given, "--dry-run", "--speed", "100", "--measuring", "6"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 1 + 2 * 4 + 1
    assert "4 pairs" in lines[1]
    assert "8 steps of  1" in lines[1]
    assert "40 pairs" in lines[5]
    assert "minutes at 100 tokens/s" in lines[-1]
    assert not transfer.arguments(given).out.exists()
    with pytest.raises(ConfigError, match="2 shares and 1 numbers of passes"):
        transfer.planned(transfer.arguments([*given, "--passes", "1"]))


def test_two_stacks_have_as_many_weights() -> None:
    for n_layer in (2, 3, 5, 6, 12):
        size = GPT2Config(vocab_size=99, n_ctx=16, n_embd=64, n_layer=n_layer, n_head=4)
        one = sum(p.numel() for p in GPT2(size).h.parameters())
        model = EncoderDecoder(transfer.two_stacks(size))
        two = sum(p.numel() for part in (model.h, model.encoder) for p in part.parameters())
        assert two == pytest.approx(one, rel=0.02)


def test_every_cell_is_run_once(
    given: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    transfer.main(given)
    out = transfer.arguments(given).out
    experiment = read_experiment(out / "transfer.json")
    assert [curve.name for curve in experiment.curves] == list(transfer.BEGINNERS)
    assert [point.examples for point in experiment.curves[0].points] == [4, 40]
    assert dict(experiment.baselines).keys() == {"lead-3", "random-3"}
    assert experiment.score == "ROUGE-2"
    table = (out / "table.md").read_text()
    assert table.splitlines()[0].startswith("| pairs | pre-trained |")
    assert len(table.splitlines()[2].split("|")) == 7
    told: dict[str, Any] = json.loads((out / "cells" / "from-scratch-100-0.json").read_text())
    assert told["cell"]["steps"] == 5
    assert told["documents"] == 3
    assert "no 3 tokens twice" in told["protocol"]
    [*_, last] = next(one for one in experiment.curves if one.name == "from scratch").points
    assert last.scores == (round(100 * told["scores"]["ROUGE-2"], 2),)
    assert dict(experiment.baselines)["lead-3"] == round(100 * told["lead"]["rouge2"], 2)
    assert table.splitlines()[3].count(f"({told['nats_per_target_token']:.3f})") == 1
    assert not (out / "runs" / "from-scratch-100-0" / "checkpoints").exists()
    both = load_checkpoint(out / "runs" / "encoder-decoder-100-0")
    assert isinstance(both.model, EncoderDecoder)
    assert both.tokenizer is not None
    assert "<sum>" in both.tokenizer.specials

    (out / "cells" / "from-scratch-100-0.json").rename(out / "away")
    transfer.write_results(transfer.planned(transfer.arguments(given)), transfer.arguments(given))
    assert [len(curve.points) for curve in read_experiment(out / "transfer.json").curves].count(1)
    assert "not yet" in (out / "table.md").read_text().splitlines()[3]
    (out / "away").rename(out / "cells" / "from-scratch-100-0.json")

    def never(*_: object, **__: object) -> None:
        raise AssertionError("a cell is run again")

    monkeypatch.setattr(transfer, "train", never)
    capsys.readouterr()
    transfer.main(given)
    shown = capsys.readouterr().out
    assert shown.count("is done") == 8
    assert table in shown
    with pytest.raises(ConfigError, match="was made with another recipe"):
        transfer.main([*given, "--rank", "2"])
