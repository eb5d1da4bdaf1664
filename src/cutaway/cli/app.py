"""The group of commands: knows their names and one line about each, and imports none of them.

``cutaway --help`` is made from the table below. A command's module is imported when the command
is called, and torch when the command needs a model. What goes wrong ends in two lines, what
happened and what to do, and in the exit code that :mod:`cutaway.errors` names.
"""

import errno
import os
import sys
import traceback
from collections.abc import Sequence
from difflib import get_close_matches
from importlib import import_module
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.main import get_command

from cutaway import __version__
from cutaway.cli.output import OutputClosed, prepare, stderr, stdout
from cutaway.errors import CutawayError

__all__ = ["COMMANDS", "DEFAULT_COMMAND", "TASKS", "new_app", "program", "run"]

DEFAULT_COMMAND = "generate"
COMMANDS = {
    "generate": "Continue a text (the default command).",
    "next": "The most probable next words, with their scores.",
    "pick": "Write a text by choosing every next word yourself.",
    "explore": "See the model at work in a browser.",
    "translate": "Translate a text, or each line of a file.",
    "summarize": "Summarise a text.",
    "classify": "Say which of its labels a text has, or each line of a file.",
    "score": "How well the model predicts a text.",
    "eval": "Measure a model on the test sets of the GPT-2 paper and others.",
    "bench": "How fast the engine is on this machine, beside others.",
    "tokenize": "Cut a text into tokens.",
    "detokenize": "Put tokens together again.",
    "tokenizer": "Train a tokenizer.",
    "music": "Piano music: play, go on, harmonise; events, and files of notes.",
    "params": "Count a model's parameters, matrix by matrix.",
    "models": "List the models that a name stands for.",
    "verify": "See if files are what was written.",
    "convert": "Write a checkpoint in another project's layout.",
    "data": "Prepare a corpus for training, and check one.",
    "plan": "Tell what a recipe comes to before it is run.",
    "train": "Train a model from a recipe.",
    "finetune": "Teach a model pairs, labels or texts of your own.",
    "runs": "List training runs, compare them, draw their curves.",
    "demo": "A first look: a story, the next words, what to try.",
}
TASKS = {"eval": ("classification", "music", "summarization", "translation")}
"""Commands whose first word may be that of a task with options of its own."""
_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.ENOMEM}


def new_app(**settings: Any) -> typer.Typer:
    """A typer application with the settings that all commands share."""
    shared: dict[str, Any] = {
        "add_completion": False,
        "rich_markup_mode": None,
        "pretty_exceptions_enable": False,
        "context_settings": _SETTINGS,
    }
    return typer.Typer(**(shared | settings))


class _LazyGroup(TyperGroup):
    """Finds commands by their name in the table, and takes anything else as a prompt."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        name, _, task = cmd_name.partition(" ")
        if name not in COMMANDS or (task and task not in TASKS.get(name, ())):
            return None
        command = get_command(import_module(f"cutaway.cli.{'_'.join(cmd_name.split())}").app)
        command.name = cmd_name
        return command

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if not ctx.resilient_parsing:  # not while the shell asks for completions
            own = {name for parameter in self.get_params(ctx) for name in parameter.opts}
            args = _with_command(args, own)
        return super().parse_args(ctx, args)


def _with_command(args: list[str], own_options: set[str]) -> list[str]:
    """The arguments with the default command put in front, unless they name one."""
    if not args:
        return ["--help"] if sys.stdin is None or sys.stdin.isatty() else [DEFAULT_COMMAND]
    first = args[0]
    if len(args) > 1 and args[1] in TASKS.get(first, ()):
        return [" ".join(args[:2]), *args[2:]]
    if first in COMMANDS or first.partition("=")[0] in own_options:
        return args
    close = get_close_matches(first, COMMANDS, n=1, cutoff=0.8)
    if close and " " not in first:
        stderr().line(f"note: {first!r} is taken as a prompt; the command is {close[0]!r}.", "dim")
    return [DEFAULT_COMMAND, *args]


def _print_version(wanted: bool) -> None:
    if wanted:
        stdout().line(f"cutaway {__version__}")
        raise typer.Exit


def program() -> Any:
    """The command ``cutaway`` with all its commands."""
    app = new_app(cls=_LazyGroup, subcommand_metavar="[COMMAND] [ARGS]...", add_completion=True)

    @app.callback()
    def cutaway(
        version: Annotated[
            bool,
            typer.Option(
                "--version", help="Print the version.", is_eager=True, callback=_print_version
            ),
        ] = False,
        debug: Annotated[
            bool, typer.Option("--debug", help="Show the traceback of an error (any command).")
        ] = False,
    ) -> None:
        """GPT-2 cut open while it runs.

        cutaway "Once upon a time" continues the text. Results go to stdout, all else to stderr.
        """

    return get_command(app)


def run(arguments: Sequence[str]) -> int:
    """Runs one command and returns the exit code of the process."""
    prepare()
    args, debug = _without_debug(list(arguments))
    try:
        code = program().main(args=args, prog_name="cutaway", standalone_mode=False) or 0
        stdout().flush()
    except OutputClosed:
        _discard_stdout()
        code = 141  # 128 + SIGPIPE, as every other program in a pipe
    except KeyboardInterrupt:
        stderr().line()
        code = 130
    except (Exception, typer.Abort) as error:
        code = _report(error, debug=debug)
    return code


def _without_debug(args: list[str]) -> tuple[list[str], bool]:
    """Takes ``--debug`` out, wherever it stands before a ``--``."""
    end = args.index("--") if "--" in args else len(args)
    kept = [arg for arg in args[:end] if arg != "--debug"] + args[end:]
    return kept, len(kept) < len(args)


def _discard_stdout() -> None:
    """Keeps the interpreter from complaining about the closed pipe when it exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _report(error: BaseException, *, debug: bool) -> int:
    """Prints what happened and what to do; returns the exit code."""
    if isinstance(error, typer.Exit):
        return error.exit_code
    if isinstance(error, typer.Abort):
        return 130
    what, hint, code = _explain(error)
    if debug:
        stderr().write("".join(traceback.format_exception(error)))
    stderr().write("error: ", "red").line(" ".join(what.split("\n")))
    if hint:
        stderr().line(" ".join(hint.split("\n")))
    return code


def _explain(error: BaseException) -> tuple[str, str, int]:
    match error:
        case CutawayError():
            return error.what, error.hint, error.exit_code
        case typer.TyperException():
            context = getattr(error, "ctx", None)
            command = context.command_path if context else "cutaway"
            return error.format_message(), f"See `{command} --help`.", 2
        case OSError(errno=number) if number in _FULL:
            return f"{error}.", "Free some space and try again.", 5
        case OSError(filename=str() as name, strerror=str() as reason):
            return f"Cannot open {name}: {reason}.", "Check the path and its permissions.", 3
        case MemoryError():
            return "Not enough memory.", "Use a smaller model, text or number of samples.", 5
        case RuntimeError() if "can't allocate memory" in str(error):
            return "Not enough memory.", "Use a smaller model, text or number of samples.", 5
        case _:
            what = f"{type(error).__name__}: {error}"
            return what, "This is a mistake in cutaway; --debug shows where it happened.", 1
