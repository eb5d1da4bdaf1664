"""Printing what a model writes, and what is left of it after Ctrl-C."""

import json
from collections.abc import Callable, Iterator

import pytest
import typer

from cutaway.cli.writer import Writer
from cutaway.generation import LanguageModel, StreamEvent, TextStream
from cutaway.models import GPT2
from lms import language_model


@pytest.fixture(scope="module")
def lm(enliven: Callable[[GPT2], GPT2]) -> LanguageModel:
    return language_model(enliven)


def writer(lm: LanguageModel, *, as_json: bool = False, with_logprobs: bool = False) -> Writer:
    return Writer(lm, as_json=as_json, with_logprobs=with_logprobs)


@pytest.mark.parametrize("live", [True, False])
def test_prompt_and_text_on_stdout_the_rest_on_stderr(
    lm: LanguageModel, capsys: pytest.CaptureFixture[str], live: bool
) -> None:
    settings = {"max_new_tokens": 8}
    expected = lm.generate("the ", seed=3, max_new_tokens=8)
    writer(lm).stream("the ", seed=3, live=live, settings=settings)
    captured = capsys.readouterr()
    assert captured.out == f"the {expected.text}\n"
    assert captured.err.startswith("unnamed, seed 3: 8 tokens in ")
    assert captured.err.endswith("s (length)\n")


def test_json_has_everything_that_makes_the_text_again(
    lm: LanguageModel, capsys: pytest.CaptureFixture[str]
) -> None:
    writer(lm, as_json=True).samples("the", n=3, seed=3, settings={"max_new_tokens": 5})
    rows = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    for index, (row, made) in enumerate(
        zip(rows, lm.generate("the", n=3, seed=3, max_new_tokens=5), strict=True)
    ):
        assert row == {
            "text": made.text,
            "prompt": "the",
            "ids": list(made.ids),
            "prompt_ids": list(made.prompt_ids),
            "finish_reason": "length",
            "seed": 3,
            "index": index,
            "model": "unnamed",
        }


def test_samples_are_told_apart(lm: LanguageModel, capsys: pytest.CaptureFixture[str]) -> None:
    writer(lm).samples("the", n=2, seed=3, settings={"max_new_tokens": 5, "temperature": 0.0})
    text = lm.generate("the", max_new_tokens=5, temperature=0.0).text
    assert capsys.readouterr().out == f"--- 1 of 2 ---\nthe{text}\n--- 2 of 2 ---\nthe{text}\n"


def test_logprobs_have_a_row_for_each_token(
    lm: LanguageModel, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"max_new_tokens": 4, "logprobs": 2}
    writer(lm, with_logprobs=True).stream("the", seed=1, live=True, settings=settings)
    made = lm.generate("the", seed=1, max_new_tokens=4)
    rows = capsys.readouterr().out.splitlines()[-4:]
    assert [float(row[17:].split()[0]) for row in rows] == [round(p, 4) for p in made.logprobs]
    writer(lm, as_json=True, with_logprobs=True).stream("the", seed=1, live=True, settings=settings)
    row = json.loads(capsys.readouterr().out)
    assert row["logprobs"] == list(made.logprobs)
    assert [len(step) for step in row["top_logprobs"]] == [2, 2, 2, 2]


class Interrupted(LanguageModel):
    """Ctrl-C comes after some tokens."""

    def stream(self, *arguments: object, **settings: object) -> TextStream:
        events = super().stream(*arguments, **settings)  # type: ignore[arg-type]

        class Cut(TextStream):
            def __next__(self) -> StreamEvent:
                if len(self.completion.ids) == 5:
                    raise KeyboardInterrupt
                return super().__next__()

        return Cut(events._sample, events._events)


@pytest.fixture
def interrupted(lm: LanguageModel) -> Iterator[LanguageModel]:
    return Interrupted(lm.model, lm.tokenizer, name="cut")


@pytest.mark.parametrize("live", [True, False])
@pytest.mark.parametrize("as_json", [True, False])
def test_after_ctrl_c_the_text_made_so_far_is_there(
    interrupted: LanguageModel, capsys: pytest.CaptureFixture[str], live: bool, as_json: bool
) -> None:
    settings = {"max_new_tokens": 9, "stop": "never to be seen"}
    with pytest.raises(typer.Exit) as exit:
        writer(interrupted, as_json=as_json).stream("the", seed=2, live=live, settings=settings)
    assert exit.value.exit_code == 130
    text = interrupted.generate("the", seed=2, max_new_tokens=5).text
    captured = capsys.readouterr()
    if as_json:
        row = json.loads(captured.out)
        assert (row["text"], row["finish_reason"]) == (text, "interrupted")
    else:
        assert captured.out == f"the{text}\n"
    assert "5 tokens" in captured.err
    assert "(interrupted)" in captured.err
