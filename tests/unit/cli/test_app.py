"""The group of commands: names, the default one, and how errors end."""

import errno
import sys
from importlib import import_module
from pathlib import Path

import pytest
import typer
from typer.main import get_command

from cutaway import errors
from cutaway.cli import app as app_module
from cutaway.cli import main, params
from cutaway.cli.app import COMMANDS, TASKS, run

CLI = Path(app_module.__file__).parent


@pytest.mark.parametrize("name", COMMANDS)
def test_the_table_says_what_the_command_says(name: str) -> None:
    command = get_command(import_module(f"cutaway.cli.{name}").app)
    assert command.help is not None
    assert command.help.splitlines()[0] == COMMANDS[name]


@pytest.mark.parametrize("name", COMMANDS)
def test_every_argument_and_option_has_a_help_text(name: str) -> None:
    def check(command: object) -> None:
        for parameter in command.params:  # type: ignore[attr-defined]
            assert parameter.help, parameter.name
        for inner in getattr(command, "commands", {}).values():
            check(inner)

    check(get_command(import_module(f"cutaway.cli.{name}").app))


def test_help_lists_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["--help"]) == 0
    out = capsys.readouterr().out
    for name, line in COMMANDS.items():
        assert f"  {name:<10}  {line}" in out


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        (["Once upon"], ["generate", "Once upon"]),
        (["-n", "3", "--json"], ["generate", "-n", "3", "--json"]),
        (["-"], ["generate", "-"]),
        (["next", "Joel"], ["next", "Joel"]),
        (["eval", "pocket"], ["eval", "pocket"]),
        (["eval", "summarization", "-m", "x"], ["eval summarization", "-m", "x"]),
        (["eval", "--data", "summarization"], ["eval", "--data", "summarization"]),
        (["--version"], ["--version"]),
        (["-h"], ["-h"]),
        ([""], ["generate", ""]),
    ],
)
def test_what_is_no_command_is_a_prompt(given: list[str], taken: list[str]) -> None:
    assert app_module._with_command(given, {"--version", "--help", "-h"}) == taken


@pytest.mark.parametrize(("is_terminal", "taken"), [(True, "--help"), (False, "generate")])
def test_no_argument_reads_a_pipe_or_shows_the_help(
    monkeypatch: pytest.MonkeyPatch, is_terminal: bool, taken: str
) -> None:
    monkeypatch.setattr(sys.stdin, "isatty", lambda: is_terminal, raising=False)
    assert app_module._with_command([], set()) == [taken]


def test_a_mistyped_command_is_pointed_out(capsys: pytest.CaptureFixture[str]) -> None:
    app_module._with_command(["tokenise", "x"], set())
    app_module._with_command(["tokenise it"], set())
    expected = "note: 'tokenise' is taken as a prompt; the command is 'tokenize'.\n"
    assert capsys.readouterr().err == expected


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(_: str) -> None:
        raise error

    monkeypatch.setattr(params, "_config", fail)


@pytest.mark.parametrize(
    ("error", "code", "first", "second"),
    [
        (errors.ConfigError("It is 3.", "Make it 2."), 2, "It is 3.", "Make it 2."),
        (errors.CheckpointNotFound("No x.", "Use y."), 3, "No x.", "Use y."),
        (errors.CorruptCheckpoint("Bad\nfile.", "Copy\nit."), 4, "Bad file.", "Copy it."),
        (errors.ResourceError("Full.", "Free."), 5, "Full.", "Free."),
        (errors.Interrupted("Saved.", "Again."), 6, "Saved.", "Again."),
        (
            FileNotFoundError(errno.ENOENT, "No such file or directory", "a.txt"),
            3,
            "Cannot open a.txt: No such file or directory.",
            "Check the path and its permissions.",
        ),
        (
            OSError(errno.ENOSPC, "No space left on device"),
            5,
            "[Errno 28] No space left on device.",
            "Free some space and try again.",
        ),
        (
            MemoryError(),
            5,
            "Not enough memory.",
            "Use a smaller model, text or number of samples.",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried ..."),
            5,
            "Not enough memory.",
            "Use a smaller model, text or number of samples.",
        ),
        (
            ZeroDivisionError("division by zero"),
            1,
            "ZeroDivisionError: division by zero",
            "This is a mistake in cutaway; --debug shows where it happened.",
        ),
    ],
)
def test_errors_are_two_lines_and_an_exit_code(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: BaseException,
    code: int,
    first: str,
    second: str,
) -> None:
    failing(monkeypatch, error)
    assert run(["params", "gpt2"]) == code
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == f"error: {first}\n{second}\n"


def test_debug_shows_the_traceback_wherever_it_stands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    failing(monkeypatch, errors.ConfigError("It is 3."))
    for arguments in (["--debug", "params", "gpt2"], ["params", "gpt2", "--debug"]):
        assert run(arguments) == 2
        err = capsys.readouterr().err
        assert "Traceback (most recent call last)" in err
        assert err.endswith("error: It is 3.\n")


def test_behind_two_dashes_debug_is_a_text() -> None:
    assert app_module._without_debug(["a", "--debug"]) == (["a"], True)
    assert app_module._without_debug(["a", "--", "--debug"]) == (["a", "--", "--debug"], False)


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt(), 130), (typer.Abort(), 130)])
def test_interrupts(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    failing(monkeypatch, error)
    assert run(["params", "gpt2"]) == code


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["params"], "Missing argument 'model'"),
        (["generate", "--top", "3"], "No such option: --top"),
        (["generate", "a", "b"], "unexpected extra argument"),
        (["generate", "--top-k", "many"], "--top-k"),
        (["tokenizer", "train", "x", "--out", "y"], "Missing option '--vocab-size'"),
    ],
)
def test_usage_errors_point_to_the_command_s_help(
    capsys: pytest.CaptureFixture[str], arguments: list[str], message: str
) -> None:
    assert run(arguments) == 2
    what, hint = capsys.readouterr().err.splitlines()
    assert message in what
    command = " ".join(["cutaway", *arguments[: 2 if arguments[0] == "tokenizer" else 1]])
    assert hint == f"See `{command} --help`."


def test_main_exits_with_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as exit:
        main(["--version"])
    assert exit.value.code == 0
    assert capsys.readouterr().out.startswith("cutaway ")


def test_every_file_of_a_command_is_in_the_table() -> None:
    with_an_app = {
        path.stem for path in CLI.glob("*.py") if "\napp = new_app()" in path.read_text("utf-8")
    }
    tasks = {f"{name}_{task}" for name, words in TASKS.items() for task in words}
    assert with_an_app == set(COMMANDS) | tasks
