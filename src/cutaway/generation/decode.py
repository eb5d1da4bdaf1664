"""The decode loop: read the prompts, then one token a step for every text that goes on."""

from collections.abc import Generator, Sequence

from cutaway.generation.choosing import Logits, choose, log_probabilities
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


def push_token(sample: Sample, token: int, logits: Logits, log_sum: float) -> StreamEvent:
    """Adds a token that was chosen by ``logits`` ``(V,)`` to a text, with its log-probability."""
    top, k = None, sample.config.logprobs
    if k is not None:
        logprobs = log_probabilities(logits, log_sum)
        top = best_candidates(logits, logprobs, k=k, tokenizer=sample.tokenizer)
    return sample.push(token, float(logits[token]) - log_sum, top)


def _steps(rows: Rows, live: list[Sample], *, config: GenerationConfig) -> Generator[StreamEvent]:
    """A token for each sample that lives, then the next step, until none does."""
    while live:
        tokens = [
            choose(logits, sample.repeatable, config=config, key=sample.key)
            for logits, sample in zip(rows.logits, live, strict=True)
        ]
        sums = rows.log_sums()
        for row, (sample, token) in enumerate(zip(live, tokens, strict=True)):
            yield push_token(sample, token, rows.logits[row], float(sums[row]))
        going_on = [row for row, sample in enumerate(live) if sample.finish_reason is None]
        live = [live[row] for row in going_on]
        if live:
            rows.select(going_on)
            rows.step([tokens[row] for row in going_on])
