"""The decode loop: read the prompts, then one token a step for every text that goes on."""

from collections.abc import Generator, Sequence

from jaxtyping import Float
from torch import Tensor

from cutaway.generation.choosing import choose, choose_plainly, log_probabilities
from cutaway.generation.completion import StreamEvent, best_candidates
from cutaway.generation.reader import Reader
from cutaway.generation.rows import Rows
from cutaway.generation.sample import Sample
from cutaway.generation.settings import GenerationConfig

__all__ = ["decode", "push_token"]


def decode(
    reader: Reader,
    samples: Sequence[Sample],
    *,
    config: GenerationConfig,
    exact: bool,
) -> Generator[StreamEvent]:
    """Writes all samples to their end, and yields an event for each token of each.

    Between two events nothing is half done: a caller may stop at any of them and keep what the
    samples hold. For ``exact`` see :meth:`Reader.rows`.
    """
    rows = reader.rows(
        [sample.history for sample in samples],
        n_total=max(sample.prompt.n_total for sample in samples),
        exact=exact,
    )
    try:
        yield from _steps(rows, list(samples), config=config)
    finally:
        rows.close()


def push_token(sample: Sample, token: int, logits: Float[Tensor, " V"]) -> StreamEvent:
    """Adds a token that was chosen by ``logits`` to a text, with its log-probability."""
    logprobs, top, k = log_probabilities(logits), None, sample.config.logprobs
    if k is not None:
        top = best_candidates(logits, logprobs, k=k, tokenizer=sample.tokenizer)
    return sample.push(token, float(logprobs[token]), top)


def _steps(rows: Rows, live: list[Sample], *, config: GenerationConfig) -> Generator[StreamEvent]:
    """A token for each sample that lives, then the next step, until none does."""
    while live:
        tokens = _choose(rows, live, config=config)
        for row, (sample, token) in enumerate(zip(live, tokens, strict=True)):
            yield push_token(sample, token, rows.logits[row])
        going_on = [row for row, sample in enumerate(live) if sample.finish_reason is None]
        live = [live[row] for row in going_on]
        if live:
            rows.select(going_on)
            rows.step([tokens[row] for row in going_on])


def _choose(rows: Rows, samples: Sequence[Sample], *, config: GenerationConfig) -> list[int]:
    """The next token of each row."""
    if rows.logits.device.type != "cpu":
        histories = [sample.history for sample in samples]
        keys = [sample.key for sample in samples]
        return choose_plainly(rows.logits, histories, config=config, keys=keys)
    return [
        choose(logits, sample.history, config=config, key=sample.key)
        for logits, sample in zip(rows.logits, samples, strict=True)
    ]
