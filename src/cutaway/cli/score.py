"""``cutaway score``: how well a model predicts a text."""

import math
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.inputs import read_source
from cutaway.cli.options import Adapter, Dtype, Json, Model, open_model
from cutaway.cli.output import Stream, stderr, stdout
from cutaway.cli.render import pad, piece

if TYPE_CHECKING:
    from cutaway.generation import LanguageModel, Score

app = new_app()


@app.command()
def score(
    text: Annotated[
        str,
        typer.Argument(
            metavar="FILE|-|TEXT",
            help="A file if there is one of that name; - for stdin; else the text itself.",
        ),
    ],
    model: Model = "pocket",
    adapter: Adapter = None,
    dtype: Dtype = None,
    per_token: Annotated[
        bool, typer.Option("--per-token", help="Also the log-probability of every token.")
    ] = False,
    stride: Annotated[
        int | None,
        typer.Option(
            help="A text longer than the context is scored in windows that move by this many "
            "tokens; 1 to the context's length. Smaller is slower and gives every token more "
            "to look back on. Default: half the context."
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """How well the model predicts a text.

    Perplexity is per token and depends on the vocabulary; bits per byte compares any two models.
    """
    source, content = read_source(text)
    lm = open_model(model, dtype, adapter=adapter, default="float32")
    result = lm.score(content, stride=stride)
    out = stdout()
    if as_json:
        out.json(_as_dict(result, lm, source, per_token=per_token))
        return
    if per_token:
        _write_tokens(out, result, lm)
    out.write("tokens         ", "dim").line(f"{result.tokens:,} ({result.n_bytes:,} bytes)")
    out.write("loss           ", "dim").line(f"{result.nll / result.tokens:.4f} nats a token")
    out.write("perplexity     ", "dim").line(f"{result.perplexity:.4f}", "bold")
    out.write("bits per byte  ", "dim").line(f"{result.bits_per_byte:.4f}", "bold")
    stderr().line(f"{lm.name}: {result.protocol}", "dim")


def _as_dict(
    result: "Score", lm: "LanguageModel", source: str, *, per_token: bool
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "source": source,
        "model": lm.name,
        "tokens": result.tokens,
        "bytes": result.n_bytes,
        "nll": result.nll,
        "perplexity": result.perplexity,
        "bits_per_byte": result.bits_per_byte,
        "stride": result.stride,
        "protocol": result.protocol,
    }
    if per_token:
        fields |= {"ids": list(result.ids), "token_logprobs": list(result.token_logprobs)}
    return fields


def _write_tokens(out: Stream, result: "Score", lm: "LanguageModel") -> None:
    """A row for each token: the piece, its log-probability and its probability."""
    for token, logprob in zip(result.ids, result.token_logprobs, strict=True):
        out.write(pad(piece(lm.tokenizer.token_bytes(token)), 20))
        out.write(f" {logprob:10.4f}", "bold").line(f"  {100 * math.exp(logprob):7.3f} %", "dim")
    out.line()
