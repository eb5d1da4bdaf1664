"""Terminals, pipes, locales and Ctrl-C."""

import os
import re
import subprocess
import sys
from pathlib import Path

from processes import environment, run, run_on_terminal

CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
COLOUR = re.compile(r"\x1b\[\d*m")
ERASE = re.compile(r"\r\x1b\[K")


def test_on_a_terminal_the_prompt_is_dim_and_the_text_bright_and_harmless(tiny: Path) -> None:
    options = ["-m", tiny, "--seed", "7", "--max-tokens", "200"]
    done = run_on_terminal(["Once \x1b[31mupon", *options])
    assert done.code == 0, done.out
    assert "\x1b[2mOnce \\x1b[31mupon\x1b[0m\x1b[1m" in done.out
    assert "\\x" in done.out.partition("upon")[2]  # this model writes control characters
    assert not CONTROL.search(COLOUR.sub("", ERASE.sub("", done.out)))


def test_no_color_is_obeyed(tiny: Path) -> None:
    coloured = run_on_terminal(["tokenize", "Once", "-m", tiny])
    plain = run_on_terminal(["tokenize", "Once", "-m", tiny], NO_COLOR="1")
    assert (coloured.code, plain.code) == (0, 0), plain.out
    assert "\x1b" in coloured.out
    assert plain.out == COLOUR.sub("", coloured.out)


def test_ctrl_c_keeps_what_was_written(tiny: Path) -> None:
    options = ["-m", tiny, "--seed", "7", "--max-tokens", "100000", "--overflow", "slide"]
    done = run_on_terminal(["Once upon", *options], interrupt_at=lambda s: s.count("\x1b[1m") > 20)
    assert done.code == 130
    assert "Once upon" in done.out
    assert "(interrupted)" in done.out
    assert "Traceback" not in done.out


def test_a_reader_that_leaves_ends_the_command_quietly(tiny: Path) -> None:
    command = [sys.executable, "-m", "cutaway", "Once", "-m", str(tiny)]
    process = subprocess.Popen(
        [*command, "--max-tokens", "100000", "--overflow", "slide"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment(),
    )
    with process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert os.read(process.stdout.fileno(), 4) == b"Once"
        process.stdout.close()
        assert process.wait(timeout=120) == 141
        assert process.stderr.read() == b""


def test_output_is_utf_8_whatever_the_locale(tiny: Path) -> None:
    for variables in ({"LC_ALL": "C"}, {"LC_ALL": "POSIX", "PYTHONUTF8": "0"}):
        done = run(
            "tokenize",
            "-",
            "-m",
            tiny,
            stdin=" \u4f60",
            PYTHONCOERCECLOCALE="0",
            **variables,
        )
        assert done.code == 0, done.err
        assert "\u2423" in done.out


def test_picking_with_keys(tiny: Path) -> None:
    down = "\x1b[B"
    done = run_on_terminal(
        ["pick", "Once upon", "-k", "4", "-m", tiny],
        keys=[("others", down + "\r"), ("others", "u"), ("others", "q")],
    )
    assert done.code == 0, done.out
    assert done.out.endswith("\x1b[2mOnce upon\x1b[0m\n")
