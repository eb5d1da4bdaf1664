"""Options mean what the library means."""

import inspect
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cutaway.cli.app import run
from cutaway.cli.generate import generate
from cutaway.cli.options import open_model, parse_logit_bias, parse_stop
from cutaway.errors import ConfigError
from cutaway.generation import GenerationConfig
from lms import byte_tokenizer


def test_defaults_are_those_of_the_library() -> None:
    names = {"max_tokens": "max_new_tokens"}
    config = GenerationConfig()
    checked = set()
    for name, parameter in inspect.signature(generate).parameters.items():
        field = names.get(name, name)
        if field in ("stop", "logit_bias"):  # several times, so none is the default
            assert parameter.default is None
            assert not getattr(config, field)
        elif hasattr(config, field):
            assert parameter.default == getattr(config, field), name
            checked.add(field)
    assert len(checked) == 11


@given(st.text())
def test_a_stop_string_can_be_any_text(text: str) -> None:
    escaped = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    assert parse_stop([escaped]) == (text,)


@pytest.mark.parametrize(
    ("value", "text"), [(r"\n", "\n"), (r"\\n", r"\n"), (r"\d", r"\d"), ("\\", "\\"), ("", "")]
)
def test_stop_escapes(value: str, text: str) -> None:
    assert parse_stop([value]) == (text,)


def test_no_stop_strings() -> None:
    assert parse_stop(None) == ()


def test_logit_bias_by_id_and_by_text() -> None:
    tokenizer = byte_tokenizer()
    [the] = tokenizer.encode(" the")
    [equals] = tokenizer.encode("=")
    values = ["17=-2.5", " the=1e2", "==-inf"]
    expected = {17: -2.5, the: 100.0, equals: float("-inf")}
    assert parse_logit_bias(values, tokenizer) == expected
    assert parse_logit_bias(None, tokenizer) == {}


@pytest.mark.parametrize("value", ["5", "=5", "the=", "the=much", ""])
def test_a_bias_that_is_none_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match="--logit-bias") as error:
        parse_logit_bias([value], byte_tokenizer())
    assert "TOKEN=BIAS" in error.value.hint


def test_a_bias_for_a_text_of_several_tokens_is_refused() -> None:
    with pytest.raises(ConfigError, match="'xyz' is 3 tokens"):
        parse_logit_bias(["xyz=1"], byte_tokenizer())


def test_what_is_not_as_asked_is_a_note(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def load(source: str, *, adapter: str | None, dtype: str | None, wait: bool) -> str:
        warnings.warn(f"No engine for {dtype}.", stacklevel=2)
        return source

    monkeypatch.setattr("cutaway.generation.load", load)
    monkeypatch.setattr("cutaway.engine.background.is_ready", lambda: True)
    assert open_model("pocket", "int8") == "pocket"
    assert capsys.readouterr().err == "note: No engine for int8.\n"


@pytest.mark.parametrize(
    ("dtype", "default", "loaded", "told"),
    [
        ("int8", "float32", ("int8", True), True),
        ("auto", None, ("auto", True), True),
        (None, "float32", ("float32", False), False),
        (None, None, (None, False), False),
        ("readable", "int8", ("readable", True), False),
    ],
)
def test_only_what_is_asked_for_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    dtype: str | None,
    default: str | None,
    loaded: tuple[str | None, bool],
    told: bool,
) -> None:
    monkeypatch.setattr("cutaway.generation.load", lambda _, *, adapter, dtype, wait: (dtype, wait))
    monkeypatch.setattr("cutaway.engine.background.is_ready", lambda: False)
    assert open_model("pocket", dtype, default=default) == loaded
    assert ("compiling the engine" in capsys.readouterr().err) == told


@pytest.mark.parametrize("command", ["generate", "next", "score", "pick", "eval", "demo"])
def test_every_command_that_asks_a_model_takes_a_dtype(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CUTAWAY_MODEL", "pocket")
    text = ["a text"] if command in ("generate", "next", "score", "pick") else []
    assert run([command, *text, "--dtype", "int9"]) == 2
    assert capsys.readouterr().err.splitlines()[-2:] == [
        "error: No dtype is called 'int9'.",
        "Did you mean 'int8'?",
    ]
