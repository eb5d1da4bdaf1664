"""Choosing words: the core, by lines, and by keys."""

import io
from collections.abc import Callable

import pytest

from cutaway.cli import picking
from cutaway.cli.picker import Picker
from cutaway.errors import ConfigError
from cutaway.generation import LanguageModel
from cutaway.models import GPT2
from lms import language_model


@pytest.fixture(scope="module")
def lm(enliven: Callable[[GPT2], GPT2]) -> LanguageModel:
    return language_model(enliven)


def test_rows_are_the_model_s_best_words(lm: LanguageModel) -> None:
    picker = Picker(lm, "the", k=5)
    assert picker.proposals() == lm.next_tokens("the", k=5)
    picker.choose(2)
    assert picker.chosen == [lm.next_tokens("the", k=5).candidates[1].id]
    assert picker.proposals() == lm.next_tokens(picker.ids, k=5)
    assert picker.text == lm.decode(picker.ids)


def test_undo_takes_back_steps_until_the_prompt(lm: LanguageModel) -> None:
    picker = Picker(lm, "the", k=3)
    seen = [picker.ids]
    for row in (1, 3, 2):
        picker.choose(row)
        seen.append(picker.ids)
    picker.go_on(4, seed=1)
    for ids in reversed(seen):
        assert picker.undo()
        assert picker.ids == ids
    assert not picker.undo()
    assert picker.proposals() == lm.next_tokens("the", k=3)


def test_words_stay_as_they_were_chosen(lm: LanguageModel) -> None:
    """The text is one token when it is encoded anew; what was chosen was two."""
    picker = Picker(lm, "", k=lm.tokenizer.vocab_size)
    for word in (b"t", b"h"):
        rows = [candidate.bytes for candidate in picker.proposals().candidates]
        picker.choose(rows.index(word) + 1)
    assert picker.text == "th"
    assert len(picker.chosen) == 2 > len(lm.encode("th"))
    assert picker.prompt_ids == [lm.tokenizer.eot]


def test_going_on_is_what_generate_writes(lm: LanguageModel) -> None:
    picker = Picker(lm, "the")
    picker.go_on(7, seed=3)
    assert picker.chosen == list(lm.generate("the", max_new_tokens=7, seed=3).ids)


def test_it_goes_on_as_far_as_the_context_and_no_further(lm: LanguageModel) -> None:
    picker = Picker(lm, "a" * 20)
    while not picker.is_full:
        before = len(picker.ids)
        picker.go_on(100, seed=1)
        assert len(picker.ids) > before
    assert len(picker.ids) == lm.model.config.n_ctx
    picker.go_on(1)
    assert len(picker.ids) == lm.model.config.n_ctx


@pytest.mark.parametrize("row", [0, 4, -1])
def test_a_row_that_is_not_there(lm: LanguageModel, row: int) -> None:
    with pytest.raises(ConfigError, match=f"There is no row {row}"):
        Picker(lm, "the", k=3).choose(row)


def test_the_end_of_the_text_is_no_text(lm: LanguageModel) -> None:
    picker = Picker(lm, "the")
    picker._add([lm.tokenizer.eot])
    assert picker.is_ended
    assert picker.text == "the"


def test_lines_are_obeyed_and_mistakes_told(
    lm: LanguageModel, capsys: pytest.CaptureFixture[str]
) -> None:
    picker = Picker(lm, "the", k=3)
    picking.by_line(picker, io.StringIO("2\n\n9\nwhat\nu\n1\ng 3\nq\n3\n"), seed=5)
    err = capsys.readouterr().err
    assert "There is no row 9. Choose 1 to 3." in err
    assert "'what'? A row's number, u, g, g N or q." in err
    assert len(picker.steps) == 2
    assert err.count("others") == 8
    assert capsys.readouterr().out == ""


def typed(*keys: str) -> Callable[[], str]:
    left = iter(keys)
    return lambda: next(left)


UP, DOWN, LEFT = "\x1b[A", "\x1b[B", "\x1b[D"


@pytest.mark.parametrize(
    ("keys", "rows"),
    [
        ((DOWN, DOWN, "\r"), [3]),
        ((UP, "\r"), [1]),
        ((DOWN,) * 20 + ("\r",), [5]),
        (("4", "\n", DOWN, "\r"), [4, 2]),
        (("0", "\r"), [5]),
        (("2", "\r", "3", "\r", "u"), [2]),
        (("2", "\r", "\x7f", "5", "\r"), [5]),
        ((DOWN + DOWN + "\r" + "2\r" + UP,), [3, 2]),
        (("x", LEFT, "\x1b[C", "1", "\r"), [1]),
    ],
)
def test_keys(lm: LanguageModel, keys: tuple[str, ...], rows: list[int]) -> None:
    picker, expected = Picker(lm, "the", k=5), Picker(lm, "the", k=5)
    picking.by_key(picker, typed(*keys, "q"))
    for row in rows:
        expected.choose(row)
    assert picker.ids == expected.ids


def test_the_screen_is_erased_at_the_end(
    lm: LanguageModel, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("COLUMNS", "40")
    picking.by_key(Picker(lm, "the " * 5, k=5), typed("g", "q"), seed=1)
    err = capsys.readouterr().err
    assert err.endswith("\r\x1b[J")
    for screen in err.split("\x1b[J")[:-1]:
        lines, _, up = screen.rpartition("\x1b[")
        assert lines.count("\n") == int(up.removesuffix("A\r"))


def test_a_full_text_offers_no_rows(lm: LanguageModel, capsys: pytest.CaptureFixture[str]) -> None:
    picker = Picker(lm, "a" * 24)
    picking.by_key(picker, typed("\r", "1", DOWN, "q"))
    assert picker.chosen == []
    assert "(the 24 positions are full)" in capsys.readouterr().err
