"""Files find their measurement, and the command runs them all on a tiny model."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from cutaway.cli.app import run
from cutaway.errors import ConfigError, DataError
from cutaway.evals.copies import Copies
from cutaway.evals.files import find_files
from cutaway.evals.suite import TASKS, Suite, check_tasks
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from engines import FakeEngine
from lms import language_model

STORY = "".join(f"{i} the end .\n" for i in range(1, 21)) + "21 the XXXXX .\tend\t\tend|thing\n"
SCENE = {
    "ind": 1,
    "activity_label": "Ending",
    "ctx_a": "The end.",
    "ctx_b": "it",
    "ctx": "The end. it",
    "label": 1,
    "endings": ["is in.", "ends.", "an end.", "the thing."],
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A folder laid out like the published one, with a line or two in each file."""
    pair = {"sentence_good": "the end", "sentence_bad": "end the", "UID": "order"}
    contents = {
        "text/tales.valid.txt": "the thing\n<|endoftext|>\nan end\n",
        "text/tales.train.txt": "once upon a time in the end\n",
        "blimp/blimp.jsonl": json.dumps(pair) + "\n",
        "words/lambada_test.jsonl": json.dumps({"text": "in the end"}) + "\n",
        "words/wikitext2.test.txt": " = A = \n the thing , the end . \n",
        "words/ptb.test.txt": " it was n't the end \n",
        "words/cbtest_CN_valid_2000ex.txt": STORY,
        "words/cbtest_CN_test_2500ex.txt": STORY,
        "words/hellaswag_val.jsonl": json.dumps(SCENE) + "\n",
        "wikitext-103/wiki.test.tokens": " = A = \n",
        "wikitext-103/wiki.valid.tokens": " = A = \n",
        "heldout/news.en.heldout-00000-of-00050": "the end .\n",
        "heldout/news.en.heldout-00001-of-00050": "the end .\n",
        "text/enwik8": "<page>the end</page>",
        "text/text8": " the end",
        "words/wikitext2.valid.txt": " other \n",
        "words/README.md": "nothing",
    }
    for name, text in contents.items():
        path = tmp_path / "data" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path / "data"


def names(found: dict[str, list[Path]]) -> dict[str, list[str]]:
    return {task: [path.name for path in paths] for task, paths in found.items()}


def test_a_folder_is_sorted(data: Path) -> None:
    assert names(find_files([str(data), str(data / "blimp")])) == {
        "bpb": ["tales.valid.txt"],
        "blimp": ["blimp.jsonl"],
        "lambada": ["lambada_test.jsonl"],
        "wikitext": ["wikitext2.test.txt"],
        "wikitext103": ["wiki.test.tokens"],
        "ptb": ["ptb.test.txt"],
        "1bw": ["news.en.heldout-00000-of-00050"],
        "enwik8": ["enwik8"],
        "text8": ["text8"],
        "cbt": ["cbtest_CN_valid_2000ex.txt"],
        "hellaswag": ["hellaswag_val.jsonl"],
        "copies": ["tales.train.txt"],
    }


def test_files_go_by_their_name_unless_told(data: Path) -> None:
    given = [
        f"bpb={data / 'text' / 'tales.train.txt'}",
        f"wikitext={data / 'words'}",
        str(data / "words" / "README.md"),
        str(data / "words" / "wikitext2.valid.txt"),
        str(data / "wikitext-103" / "wiki.valid.tokens"),
        str(data / "words" / "cbtest_CN_test_2500ex.txt"),
        str(data / "heldout" / "news.en.heldout-00001-of-00050"),
    ]
    assert names(find_files(given)) == {
        "bpb": ["tales.train.txt", "README.md"],
        "wikitext": ["wikitext2.test.txt", "wikitext2.valid.txt"],
        "wikitext103": ["wiki.valid.tokens"],
        "cbt": ["cbtest_CN_test_2500ex.txt"],
        "1bw": ["news.en.heldout-00001-of-00050"],
    }


def test_what_is_not_there_is_named(data: Path) -> None:
    with pytest.raises(DataError, match="absent"):
        find_files([str(data / "absent")])
    with pytest.raises(DataError, match="Nothing to measure with"):
        find_files([f"bpb={data / 'words'}"])
    with pytest.raises(ConfigError, match="Did you mean 'blimp'"):
        find_files(["blinp=x"])
    with pytest.raises(ConfigError, match="Did you mean 'copies'"):
        check_tasks(["copys"], {})
    with pytest.raises(ConfigError, match="--data blimp=PATH"):
        check_tasks(["blimp"], {})
    with pytest.raises(ConfigError, match="No measurement asked for"):
        check_tasks([], {})


def test_bfloat16_is_near_and_stated(data: Path, enliven: Callable[..., GPT2]) -> None:
    lm = language_model(enliven, dtype=torch.float32)
    files = find_files([str(data)])
    exact, fast = (Suite(lm=lm, files=files, bf16=bf16) for bf16 in (False, True))
    a, b = exact.run("bpb").to_dict()["total"], fast.run("bpb").to_dict()["total"]
    assert a["nll"] != b["nll"]
    assert a["nll"] == pytest.approx(b["nll"], rel=0.05)
    assert (exact.precision, fast.precision) == ("float32", "float32 under bfloat16 autocast")


def test_a_limit_leaves_the_training_text_whole(data: Path, enliven: Callable[..., GPT2]) -> None:
    corpus = data / "text" / "tales.train.txt"
    corpus.write_text("of another kind\n<|endoftext|>\n" + corpus.read_text())
    lm = language_model(enliven, n_ctx=80)
    suite = Suite(lm=lm, files=find_files([str(data)]), limit=1, per_prompt=1, max_new_tokens=5)
    copies = suite.run("copies")
    assert isinstance(copies, Copies)
    assert copies.documents == 2
    assert suite.run("bpb").to_dict()["sources"]["tales.valid.txt"]["documents"] == 1


@pytest.fixture
def tiny(enliven: Callable[..., GPT2], monkeypatch: pytest.MonkeyPatch) -> None:
    """The command loads this model, whatever the name."""
    lm = language_model(enliven, n_ctx=80, dtype=torch.float32)
    monkeypatch.setattr("cutaway.generation.load", lambda source, **_: lm)


SMALL = ["--per-prompt", "1", "--max-tokens", "5"]


@pytest.mark.usefixtures("tiny")
def test_the_command_measures_all_that_has_data(
    data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(["eval", "tiny", "--data", str(data), *SMALL, "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert list(report["results"]) == [task for task in TASKS if task != "samples"]
    assert all(result["protocol"] for result in report["results"].values())
    assert report["precision"] == "float32"
    assert report["results"]["bpb"]["sources"]["tales.valid.txt"]["documents"] == 2
    assert report["results"]["copies"]["samples"] == 10


@pytest.mark.usefixtures("tiny")
def test_the_table_names_each_figure(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tasks = ",".join(TASKS)
    assert run(["eval", "tiny", "--tasks", tasks, "--data", str(data), *SMALL]) == 0
    out, err = capsys.readouterr()
    labels = ["bits per byte", "per word", "BLiMP", "LAMBADA", "WikiText-2", "WikiText-103"]
    labels += ["Penn Treebank", "One Billion", "enwik8", "text8", "CBT-CN", "HellaSwag acc_norm"]
    for label in [*labels, "4-grams", "copied", "king"]:
        assert label in out
    assert "stride 40" in err


@pytest.mark.usefixtures("tiny")
def test_options_reach_the_measurements(data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["eval", "tiny", "--tasks", "lambada,ptb,cbt", "--data", str(data), "--json"]
    results = []
    for options in ([], ["--no-detokenizer", "--stop-word-filter", "--stride", "8"]):
        assert run([*asked, *options]) == 0
        results.append(json.loads(capsys.readouterr().out)["results"])
    for joined, cut in zip(results[0].values(), results[1].values(), strict=True):
        assert joined["protocol"] != cut["protocol"]
    assert results[1]["ptb"]["stride"] == 8
    assert results[1]["lambada"]["stop_word_filter"]
    assert [result["cbt"]["detokenized"] for result in results] == [True, False]


@pytest.mark.usefixtures("tiny")
def test_a_measurement_without_data_is_refused_first(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["eval", "tiny", "--tasks", "blimp"]) == 2
    assert "--data blimp=PATH" in capsys.readouterr().err


def test_an_engine_is_what_is_measured(data: Path, enliven: Callable[..., GPT2]) -> None:
    plain = language_model(enliven, n_ctx=64, dtype=torch.float32)
    engine = FakeEngine(plain.model)

    def never() -> GPT2:
        raise AssertionError("the readable model was asked for")

    lm = LanguageModel(never, plain.tokenizer, engine=engine)  # type: ignore[arg-type]
    files = find_files([str(data)])
    alike = {"wikitext103", "1bw", "text8"}  # done as wikitext, ptb and enwik8
    for task in [task for task in TASKS if task not in alike]:
        suites = [Suite(lm=one, files=files, per_prompt=1, max_new_tokens=4) for one in (lm, plain)]
        ours, theirs = (suite.run(task).to_dict() for suite in suites)
        assert ours.keys() == theirs.keys()
        for name in ("accuracy", "perplexity", "samples", "tokens"):
            if name in ours and not isinstance(ours[name], float):
                assert ours[name] == theirs[name]
            elif name in ours:
                assert ours[name] == pytest.approx(theirs[name], rel=1e-5)
    assert suites[0].precision == "float32, by the engine"
    assert engine.n_open == 0
    with pytest.raises(ConfigError, match="bf16 is for the readable model"):
        Suite(lm=lm, files=files, bf16=True)
