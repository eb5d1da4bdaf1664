"""``cutaway generate``: continues a text."""

from typing import Any

from cutaway.cli import options
from cutaway.cli.app import new_app
from cutaway.cli.inputs import read_prompt
from cutaway.cli.writer import Writer

app = new_app()


@app.command()
def generate(
    prompt: options.Prompt = None,
    model: options.Model = "pocket",
    adapter: options.Adapter = None,
    dtype: options.Dtype = None,
    num: options.Number = 1,
    seed: options.Seed = None,
    max_tokens: options.MaxTokens = None,
    temperature: options.Temperature = 1.0,
    top_k: options.TopK = 40,
    top_p: options.TopP = 1.0,
    min_p: options.MinP = 0.0,
    typical_p: options.TypicalP = 1.0,
    repetition_penalty: options.RepetitionPenalty = 1.0,
    no_repeat_ngram: options.NoRepeatNgram = 0,
    stop: options.Stop = None,
    logit_bias: options.LogitBias = None,
    beams: options.Beams = 1,
    overflow: options.Overflow = "error",
    logprobs: options.Logprobs = None,
    as_json: options.Json = False,
    stream: options.StreamText = True,
) -> None:
    """Continue a text (the default command).

    The prompt is dim and the new text bright. The seed and why the text ended go to stderr.
    """
    text = read_prompt(prompt)
    lm = options.open_model(model, dtype, adapter=adapter, default="auto")
    settings: dict[str, Any] = {
        "max_new_tokens": max_tokens,
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "min_p": min_p,
        "typical_p": typical_p,
        "repetition_penalty": repetition_penalty,
        "no_repeat_ngram": no_repeat_ngram,
        "stop": options.parse_stop(stop),
        "logit_bias": options.parse_logit_bias(logit_bias, lm.tokenizer),
        "beams": beams,
        "overflow": overflow,
        "logprobs": logprobs,
    }
    writer = Writer(lm, as_json=as_json, with_logprobs=logprobs is not None)
    if num == 1 and beams == 1:
        writer.stream(text, seed=seed, live=stream, settings=settings)
    else:
        writer.samples(text, n=num, seed=seed, settings=settings)
