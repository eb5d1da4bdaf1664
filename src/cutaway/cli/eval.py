"""``cutaway eval``: measures a model, and says by what protocol."""

import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cutaway.cli.app import new_app
from cutaway.cli.options import Adapter, Dtype, Json, open_model
from cutaway.cli.output import Stream, stderr, stdout
from cutaway.cli.render import pad

if TYPE_CHECKING:
    from cutaway.evals.suite import Result, Suite

app = new_app()

_LABEL = 30


@app.command("eval")
def evaluate(
    model: Annotated[
        str,
        typer.Argument(
            envvar="CUTAWAY_MODEL",
            help="A name that `cutaway models` lists, or a directory or file with weights.",
        ),
    ] = "pocket",
    tasks: Annotated[
        str | None,
        typer.Option(
            help="Which, with commas between: bpb (bits per byte, perplexity), blimp (grammar), "
            "lambada (last words), cbt (missing words), hellaswag (endings), wikitext, "
            "wikitext103, ptb and 1bw (perplexity per word), enwik8, text8 (bits), repetition "
            "(4-grams), copies (from the training text), samples (the texts themselves). "
            "Default: repetition, and those that have data."
        ),
    ] = None,
    data: Annotated[
        list[str] | None,
        typer.Option(
            metavar="[TASK=]PATH",
            help="A file or a folder with test sets; may be given several times. Files go by "
            "their names (as they are published; *.valid.txt: bpb, *.train.txt: copies; others: "
            "bpb) unless TASK= says otherwise.",
        ),
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Score the first N documents of a file, pairs of a paradigm, questions of a "
            "kind, passages, lines, or bytes of enwik8 and text8.",
        ),
    ] = None,
    stride: Annotated[
        int | None,
        typer.Option(help="Tokens between two windows of a long text. Default: half the context."),
    ] = None,
    detokenizer: Annotated[
        bool,
        typer.Option(
            "--detokenizer/--no-detokenizer",
            help="Join the words of test sets that were cut apart before they were published.",
        ),
    ] = True,
    stop_word_filter: Annotated[
        bool,
        typer.Option(
            "--stop-word-filter", help="No stop words as LAMBADA's last word, as in GPT-2's paper."
        ),
    ] = False,
    per_prompt: Annotated[
        int, typer.Option(min=1, help="Samples of each of the ten fixed prompts.")
    ] = 10,
    max_tokens: Annotated[int, typer.Option(min=1, help="New tokens of a sample at most.")] = 256,
    seed: Annotated[int, typer.Option(min=0, help="Fixes the samples.")] = 0,
    bf16: Annotated[
        bool,
        typer.Option(
            "--bf16",
            help="Score under bfloat16 autocast: twice as fast on some CPUs, less exact.",
        ),
    ] = False,
    adapter: Adapter = None,
    dtype: Dtype = None,
    as_json: Json = False,
) -> None:
    """Measure a model on the test sets of the GPT-2 paper and others.

    Samples are drawn at top-k 40 and temperature 1. Every figure comes with its protocol.
    Summaries, translations and music have commands of their own: cutaway eval music, say.
    """
    from cutaway.evals.files import FILE_TASKS, find_files
    from cutaway.evals.suite import TASKS, Suite, check_tasks

    files = find_files(data or ())
    if tasks is None:
        asked = [task for task in TASKS if task in files or task == "repetition"]
    else:
        asked = [task.strip() for task in tasks.split(",") if task.strip()]
    check_tasks(asked, files)
    lm = open_model(model, dtype, adapter=adapter)
    suite = Suite(
        lm=lm,
        files={task: paths for task, paths in files.items() if task in FILE_TASKS},
        limit=limit,
        stride=stride,
        detokenized=detokenizer,
        stop_word_filter=stop_word_filter,
        per_prompt=per_prompt,
        max_new_tokens=max_tokens,
        seed=seed,
        bf16=bf16,
    )
    out, report = stdout(), _Report(suite)
    stderr().line(f"{lm.name}: scored in {suite.precision}", "dim")
    for task in asked:
        result = report.timed(task)
        if not as_json:
            _write(out, result)
            stderr().line(f"  {result.protocol} ({report.seconds[task]:.1f} s)", "dim")
    if as_json:
        out.json(report.to_dict())


class _Report:
    """Results by measurement, and how long each took."""

    def __init__(self, suite: "Suite") -> None:
        self.suite = suite
        self.results: dict[str, Any] = {}
        self.seconds: dict[str, float] = {}

    def timed(self, task: str) -> "Result":
        err = stderr()
        if err.is_terminal:
            err.write(f"{task} ...", "dim").flush()
        start = time.perf_counter()
        try:
            result = self.suite.run(task)
        finally:
            if err.is_terminal:
                err.file.write("\r\x1b[K")
                err.flush()
        self.seconds[task] = round(time.perf_counter() - start, 3)
        self.results[task] = result.to_dict()
        return result

    def to_dict(self) -> dict[str, Any]:
        return {
            "model": self.suite.lm.name,
            "fingerprint": self.suite.lm.fingerprint,
            "precision": self.suite.precision,
            "results": self.results,
            "seconds": self.seconds,
        }


def _write(out: Stream, result: "Result") -> None:
    """The figures of one measurement, a line for each."""
    from cutaway.evals import Copies, Samples

    match result:
        case Copies():
            _write_copies(out, result.to_dict())
        case Samples():
            for sample in result.to_dict()["samples"]:
                out.write(sample["prompt"], "dim").line(sample["text"]).line()
        case _:
            for figure in result.figures:
                _row(out, *figure)


def _write_copies(out: Stream, fields: dict[str, Any]) -> None:
    from cutaway.evals.figures import percent

    chars = f"{fields['longest_chars']} characters"
    _row(out, "longest copied passage", f"{fields['longest_words']} words", chars)
    for passage in fields["longest"][:1]:
        place = f"{passage['source']}, document {passage['document']}, word {passage['word']}"
        out.line(f"  {' '.join(passage['text'].split())}").line(f"  {place}", "dim")
    each = fields["longest_of_each"]
    _row(out, "  longest of a sample", f"{each['median']:.0f} words", f"90 %: {each['p90']:.0f}")
    for n_words, share in fields["share_of_words"].items():
        _row(out, f"  in passages of {n_words} words", percent(share))


def _row(out: Stream, label: str, figure: str, note: str = "") -> None:
    out.write(pad(label, _LABEL)).write(f" {figure:>10}", "bold").line(f"  {note}".rstrip(), "dim")
