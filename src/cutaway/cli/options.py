"""Options that several commands share, each with its range: one wording everywhere."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cutaway.errors import ConfigError, EngineUnavailable

if TYPE_CHECKING:
    from cutaway.generation import LanguageModel
    from cutaway.tokenizers import Tokenizer

__all__ = [
    "Adapter",
    "Beams",
    "Dtype",
    "Json",
    "LogitBias",
    "Logprobs",
    "MaxTokens",
    "MinP",
    "Model",
    "NoRepeatNgram",
    "Number",
    "Overflow",
    "Prompt",
    "RepetitionPenalty",
    "Seed",
    "Stop",
    "StreamText",
    "Temperature",
    "TopK",
    "TopP",
    "TypicalP",
    "open_model",
    "parse_logit_bias",
    "parse_stop",
]

Model = Annotated[
    str,
    typer.Option(
        "-m",
        "--model",
        envvar="CUTAWAY_MODEL",
        help="A name that `cutaway models` lists, or a directory or file with weights.",
    ),
]
Adapter = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="A LoRA in PEFT's layout, or the run that made it: its changes are put into the "
        "model's weights.",
    ),
]
Dtype = Annotated[
    str | None,
    typer.Option(
        envvar="CUTAWAY_DTYPE",
        help="Hold the weights as float32, bfloat16, int8 or int4: the narrower, the faster and "
        "the less exact. The CPU's engine computes with them; the first time it is compiled, "
        "which needs a C++ compiler. Or 'readable': the model that the explorer looks into.",
    ),
]
Prompt = Annotated[
    str | None,
    typer.Argument(
        help="The text to continue; - reads stdin, @FILE a file (@@ for a text that begins with "
        "@). Without it: stdin if something is piped in, else the model begins a text of its own."
    ),
]
Json = Annotated[bool, typer.Option("--json", help="One JSON object for each result.")]
Number = Annotated[int, typer.Option("-n", "--num", help="Samples to draw; 1 or more.", min=1)]
Seed = Annotated[
    int | None,
    typer.Option(
        help="Fixes the text of every sample; a whole number from 0. Default: a new one, "
        "printed to stderr."
    ),
]
MaxTokens = Annotated[
    int | None,
    typer.Option(help="New tokens at most; 1 or more. Default: 50, fewer where the context ends."),
]
Temperature = Annotated[
    float,
    typer.Option(
        "-t",
        "--temperature",
        help="0 always takes the most probable token; 1 draws as learned; any number from 0.",
    ),
]
TopK = Annotated[int, typer.Option(help="Draw from the K most probable tokens; 0 for all.")]
TopP = Annotated[
    float,
    typer.Option(help="Draw from the fewest tokens whose mass reaches P; above 0, at most 1."),
]
MinP = Annotated[
    float,
    typer.Option(help="Drop tokens less probable than P times the most probable; 0 to 1."),
]
TypicalP = Annotated[
    float,
    typer.Option(help="Locally typical sampling with mass P; above 0, at most 1 (1: off)."),
]
RepetitionPenalty = Annotated[
    float,
    typer.Option(help="Divides the scores of tokens already in the text; above 0 (1: off)."),
]
NoRepeatNgram = Annotated[
    int, typer.Option(help="No sequence of N tokens twice; 0 or more (0: off).")
]
Stop = Annotated[
    list[str] | None,
    typer.Option(
        help=r"End before this text; may be given several times. \n, \t and \\ stand for "
        "newline, tab and backslash."
    ),
]
LogitBias = Annotated[
    list[str] | None,
    typer.Option(
        metavar="TOKEN=BIAS",
        help="Add to a token's score; the token as an id or as text that is one token. "
        "May be given several times.",
    ),
]
Beams = Annotated[
    int, typer.Option(help="Beam search of this width; 1 or more (1: off), does not stream.")
]
Overflow = Annotated[
    str,
    typer.Option(
        help="When the text outgrows the context: error (refuse), stop (end there) or slide "
        "(go on with the recent part)."
    ),
]
Logprobs = Annotated[
    int | None,
    typer.Option(
        help="Also give the log-probability of each token and of K alternatives; 0 or more."
    ),
]
StreamText = Annotated[
    bool, typer.Option("--stream/--no-stream", help="Print the text while it is being written.")
]


def open_model(
    source: str,
    dtype: str | None = None,
    *,
    adapter: Path | None = None,
    default: str | None = None,
) -> "LanguageModel":
    """Loads a model, saying so on a terminal while it takes time, and what is not as asked.

    Args:
        source: its name or path.
        dtype: that was asked for; for the engine it takes, the first compilation is waited for.
        adapter: whose changes are put into its weights.
        default: what is computed in where none was asked for. Nothing is waited for: without an
            engine the readable model does it. None: the readable model does it anyway.
    """
    from cutaway.cli.output import stderr

    err = stderr()
    if dtype is not None and _must_compile(dtype):
        err.line("compiling the engine for this machine (once, about ten seconds) ...", "dim")
        err.flush()
    if err.is_terminal:
        err.write(f"loading {source} ...", "dim").flush()
    try:
        from cutaway.generation import load

        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            lm = load(source, adapter=adapter, dtype=dtype or default, wait=dtype is not None)
    finally:
        if err.is_terminal:
            err.file.write("\r\x1b[K")
            err.flush()
    for warning in told:
        err.line(f"note: {warning.message}", "dim")
    return lm


def _must_compile(dtype: str) -> bool:
    from cutaway.engine.background import is_ready
    from cutaway.generation.loading import NAMES

    try:
        return dtype in NAMES and not is_ready()
    except EngineUnavailable:  # load says so
        return False


def parse_stop(values: Sequence[str] | None) -> tuple[str, ...]:
    r"""Stop strings with ``\n``, ``\t`` and ``\\`` replaced by what they stand for.

    >>> parse_stop([r"\n\n", r"a\\n"])
    ('\n\n', 'a\\n')
    """
    meanings = {"n": "\n", "t": "\t", "\\": "\\"}

    def plain(value: str) -> str:
        text, rest = "", value
        while "\\" in rest:
            before, _, rest = rest.partition("\\")
            text += before + meanings.get(rest[:1], "\\" + rest[:1])
            rest = rest[1:]
        return text + rest

    return tuple(plain(value) for value in values or ())


def parse_logit_bias(values: Sequence[str] | None, tokenizer: "Tokenizer") -> dict[int, float]:
    """``TOKEN=BIAS`` pairs as ids and numbers.

    Raises:
        ConfigError: if a pair has no number, or its text is not one token.
    """
    biases: dict[int, float] = {}
    for value in values or ():
        token, equals, number = value.rpartition("=")
        try:
            bias = float(number)
        except ValueError:
            equals = ""
            bias = 0.0
        if not equals or not token:
            raise ConfigError(f"--logit-bias {value!r}.", "Write TOKEN=BIAS, such as ' the=-5'.")
        ids = [int(token)] if token.isdecimal() else tokenizer.encode(token)
        if len(ids) != 1:
            raise ConfigError(
                f"--logit-bias {value!r}: {token!r} is {len(ids)} tokens here.",
                "Give one token; most words begin with a space. `cutaway tokenize` shows them.",
            )
        biases[ids[0]] = bias
    return biases
