"""``cutaway eval translation``: BLEU of a model's translations, with its signatures."""

import time
from pathlib import Path
from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.batches import all_of
from cutaway.cli.figures import as_answer, write_figures, write_protocol
from cutaway.cli.options import Adapter, Dtype, Json, Model
from cutaway.cli.output import stdout
from cutaway.cli.translate import Batch, Beams, Chunk, MaxTokens, Penalty, To, make_translator
from cutaway.errors import DataError

app = new_app()


@app.command()
def evaluate(
    source: Annotated[
        Path, typer.Option(metavar="FILE", help="A sentence a line, packed or not (.gz, .xz).")
    ],
    reference: Annotated[
        Path, typer.Option(metavar="FILE", help="Their translations, line by line, not tokenised.")
    ],
    model: Model = "pocket",
    language: Annotated[
        str,
        typer.Option(metavar="LANG", help="Of the references, for Moses's tokenizer: two letters."),
    ] = "de",
    output: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Also write the translations here.")
    ] = None,
    limit: Annotated[int | None, typer.Option(min=1, help="The first N sentences.")] = None,
    to: To = None,
    beams: Beams = 5,
    length_penalty: Penalty = 1.0,
    max_tokens: MaxTokens = 200,
    batch: Batch = 128,
    chunk: Chunk = False,
    adapter: Adapter = None,
    dtype: Dtype = None,
    as_json: Json = False,
) -> None:
    """BLEU of a model's translations: cased and detokenised, and tokenised in lower case.

    Translations are made as `cutaway translate` makes them. Words are counted by sacreBLEU
    (pip install sacrebleu sacremoses), whose signatures are printed. A sentence that does not fit
    ends the measurement, unless it is to be translated in parts (--chunk).
    """
    from cutaway.evals.bleu import read_sentences, translations_bleu

    sources, references = (read_sentences(path, limit=limit) for path in (source, reference))
    if len(sources) != len(references):
        raise DataError(
            f"{source} has {len(sources):,} lines, {reference} {len(references):,}.",
            "Each line of the one is to be the translation of that of the other.",
        )
    translator = make_translator(
        model,
        adapter=adapter,
        dtype=dtype,
        to=to,
        beams=beams,
        length_penalty=length_penalty,
        max_tokens=max_tokens,
        chunk=chunk,
    )
    start = time.perf_counter()
    places = [f"{source}:{number}" for number in range(1, len(sources) + 1)]
    translations = all_of(sources, places, translator.attempts, at_once=batch)
    found = [" ".join(translation.text.split()) for translation in translations]
    seconds = time.perf_counter() - start
    if output is not None:
        output.write_text("".join(f"{text}\n" for text in found), encoding="utf-8")
    made = translator.protocol
    result = translations_bleu(found, references, language=language, made=made, limit=limit)
    lm = translator.lm
    if as_json:
        stdout().json(as_answer(lm, result, seconds))
        return
    write_figures(result.figures, label=26, figure=7)
    write_protocol(lm, result, seconds)
