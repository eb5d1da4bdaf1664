"""The bar on a terminal of any width, and plain lines elsewhere."""

import io
import logging

import pytest

from cutaway.cli import progress
from cutaway.cli.output import Stream
from cutaway.cli.progress import BarHandler, fitting, shown_log
from cutaway.training.progress import Progress

NOW = Progress(
    step=123, steps=1000, loss=3.25, tokens_per_second=45_678.0, mfu=0.41, seconds_left=7300.0
)
log = logging.getLogger("cutaway.training")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    drawn = Terminal()
    monkeypatch.setattr(progress, "stderr", lambda: Stream(drawn))
    monkeypatch.setenv("TERM", "xterm")
    for name in ("NO_COLOR", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    return drawn


@pytest.mark.parametrize("width", range(10, 140))
def test_a_line_fits_any_width(width: int) -> None:
    parts = fitting(NOW, width)
    assert parts[0] == "step 123/1000"
    assert len(parts) == 1 or len("  ".join(parts)) <= width
    if width >= 90:
        assert len(parts) == 5


@pytest.mark.parametrize("width", [12, 20, 40, 60, 80, 120])
def test_what_is_drawn_is_one_line_of_the_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    handler = BarHandler(Stream(terminal))
    handler._bar.now = NOW
    with handler._console.capture() as drawn:
        handler._console.print(handler._bar)
    lines = drawn.get().splitlines()
    assert len(lines) == 1
    assert len(lines[0]) <= width
    assert "\x1b[3" not in drawn.get()


def test_a_bar_with_lines_above_it(terminal: Terminal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    with shown_log():
        log.info("valid: loss 3.2")
        log.debug("step", extra={"progress": NOW})
        log.debug("not for people")
        log.info("hostile \x1b]0;title\x07 [bold]name[/bold]")
    text = terminal.getvalue()
    assert "valid: loss 3.2" in text
    assert "step 123/1000" in text
    assert "MFU 41.0 %" in text
    assert "not for people" not in text
    assert "\x1b]0;" not in text
    assert "[bold]name[/bold]" in text
    assert text.endswith(("\n", "\x1b[?25h"))


def test_colours_are_left_out_when_nobody_wants_them(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with shown_log():
        log.debug("step", extra={"progress": NOW})
    assert "\x1b[3" not in terminal.getvalue()


def test_plain_lines_in_a_pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    piped = io.StringIO()
    monkeypatch.setattr(progress, "stderr", lambda: Stream(piped))
    with shown_log():
        log.debug("step 1/9", extra={"progress": NOW})
        log.info("step 2/9  loss 1.0", extra={"progress": NOW})
        log.warning("a tracker failed")
    assert piped.getvalue() == "step 2/9  loss 1.0\na tracker failed\n"


def test_plain_lines_on_a_dumb_terminal(
    terminal: Terminal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "dumb")
    with shown_log():
        log.info("step 2/9  loss 1.0", extra={"progress": NOW})
    assert terminal.getvalue() == "step 2/9  loss 1.0\n"


def test_the_log_is_left_as_it_was(terminal: Terminal) -> None:
    before = (log.level, log.propagate, list(log.handlers))
    with pytest.raises(KeyError), shown_log():
        raise KeyError
    assert (log.level, log.propagate, list(log.handlers)) == before
