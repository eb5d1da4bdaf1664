"""``cutaway next``: the words the model expects after a text."""

from typing import Annotated

import typer

from cutaway.cli.app import new_app
from cutaway.cli.inputs import read_prompt
from cutaway.cli.options import Adapter, Dtype, Json, Model, Prompt, open_model
from cutaway.cli.output import stdout
from cutaway.cli.render import write_candidates

app = new_app()


@app.command()
def next_words(
    prompt: Prompt = None,
    model: Model = "pocket",
    adapter: Adapter = None,
    dtype: Dtype = None,
    k: Annotated[
        int, typer.Option("-k", help="Words to show; 1 to the size of the vocabulary.")
    ] = 10,
    as_json: Json = False,
) -> None:
    """The most probable next words, with their scores.

    One row for each: rank, word, probability as a bar (the longest is the most probable) and in
    percent, logit. The last row is the mass of all words that are not shown.
    """
    text = read_prompt(prompt)
    lm = open_model(model, dtype, adapter=adapter, default="float32")
    found = lm.next_tokens(text, k=k)
    out = stdout()
    if as_json:
        rows = [
            {
                "id": c.id,
                "text": c.text,
                "bytes": c.bytes.hex(),
                "logit": c.logit,
                "logprob": c.logprob,
                "prob": c.prob,
                "rank": c.rank,
            }
            for c in found.candidates
        ]
        out.json({"prompt": text, "model": lm.name, "next": rows, "rest_mass": found.rest_mass})
        return
    out.line(text or "(the start of a text)", "dim")
    n_rest = lm.tokenizer.vocab_size - len(found.candidates)
    write_candidates(out, found.candidates, found.rest_mass, n_rest)
