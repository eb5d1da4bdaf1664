"""``cutaway demo``: the first minutes, which ``make run`` shows."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.cli.app import new_app
from cutaway.cli.options import Adapter, Dtype, Model, open_model
from cutaway.cli.output import Stream, stdout
from cutaway.cli.render import width_of, write_candidates

if TYPE_CHECKING:
    from cutaway.generation import LanguageModel

app = new_app()
_STORY, _SEED = "Once upon a time", 0
_BEGINNING = "The little girl opened the"
_NEXT = [
    ('cutaway "The old king"', "go on with a text of yours"),
    ('cutaway next "Once upon"', "the next words and their scores"),
    ('cutaway pick "The"', "choose every word yourself"),
    ('cutaway tokenize "Hello"', "the text as the model reads it"),
    ("cutaway params gpt2", "124,439,808 numbers, one by one"),
    ("cutaway --help", "all commands"),
]


@app.command()
def demo(model: Model = "pocket", adapter: Adapter = None, dtype: Dtype = None) -> None:
    """A first look: a story, the next words, what to try.

    Takes a few seconds and writes nothing to disk.
    """
    lm = open_model(model, dtype, adapter=adapter, default="float32")
    out = stdout()
    _story(out, lm)
    out.line()
    out.line("The words it expects next, and how much:", "cyan")
    out.line()
    found = lm.next_tokens(_BEGINNING, k=10)
    out.line(_BEGINNING + " ...", "dim")
    n_rest = lm.tokenizer.vocab_size - len(found.candidates)
    write_candidates(out, found.candidates, found.rest_mass, n_rest)
    out.line()
    out.line("Try next:", "cyan")
    _suggest(out)


def _story(out: Stream, lm: "LanguageModel") -> None:
    """Streams a story, wrapped at blanks for the terminal it is shown on."""
    from cutaway.models import parameter_table

    parameters = parameter_table(lm.config).total
    out.line(f"{lm.name}, a GPT-2 of {parameters:,} parameters, writes:", "cyan")
    out.line()
    wrap = _Wrap(out, min(out.width, 100))
    wrap.write(_STORY, "dim")
    reason = None
    for event in lm.stream(_STORY, seed=_SEED, max_new_tokens=120, overflow="stop"):
        wrap.write(event.text, "bold")
        reason = event.finish_reason
    wrap.write(" ..." if reason in ("length", "context") else "", "dim")
    wrap.end()


def _suggest(out: Stream) -> None:
    """Commands to type, as they can be typed where this one was."""
    program = "" if shutil.which("cutaway") else f"{Path(sys.argv[0]).parent}/"
    commands = [(program + command, what) for command, what in _NEXT]
    width = max(len(command) for command, _ in commands)
    for command, what in commands:
        fits = out.width > width + 36
        out.write(f"  {command:<{width}}" if fits else f"  {command}")
        out.line(f"  {what}" if fits else "", "dim")


class _Wrap:
    """Breaks lines at blanks while a text arrives piece by piece."""

    def __init__(self, out: Stream, width: int) -> None:
        self.out, self.width, self.column = out, width, 0
        self._word, self._style = "", ""

    def write(self, text: str, style: str) -> None:
        """Takes a piece of text; holds back a word until it is whole."""
        for char in text:
            if self._style != style or char in " \n" or not char.isascii():
                self._put()
            self._style = style
            if char == "\n":
                self.out.line()
                self.column = 0
            else:
                self._word += char
        self.out.flush()

    def end(self) -> None:
        """Writes what was held back, and ends the line."""
        self._put()
        self.out.line().flush()

    def _put(self) -> None:
        """Writes the word, on a new line if it does not fit on this one."""
        word, self._word = self._word, ""
        if self.column and self.column + width_of(word) > self.width:
            self.out.line()
            self.column, word = 0, word.removeprefix(" ")
        self.out.write(word, self._style)
        self.column += width_of(word)
