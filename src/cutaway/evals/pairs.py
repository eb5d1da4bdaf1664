"""A text to predict behind a text that is given: the two as one row of tokens."""

from collections.abc import Sequence

from cutaway.errors import ContextLengthError
from cutaway.evals.rows import Row
from cutaway.tokenizers import Tokenizer

__all__ = ["encode_pairs", "fitted_row"]


def encode_pairs(
    tokenizer: Tokenizer, pairs: Sequence[tuple[str, str]]
) -> list[tuple[list[int], list[int]]]:
    """The ids of each context, and those of its continuation as the whole text has them.

    White space at the end of a context goes to the continuation, where the words of GPT-2's
    tokenizer begin with it. So does lm-evaluation-harness (``TemplateLM._encode_pair``), and with
    the same tokenizer these are the same ids.

    >>> encode_pairs(Tokenizer.gpt2(), [("The king ", "sleeps")])
    [([464, 5822], [44263])]
    """
    wholes = tokenizer.encode_batch([context + continuation for context, continuation in pairs])
    contexts = tokenizer.encode_batch([context.rstrip() for context, _ in pairs])
    return [(before, whole[len(before) :]) for before, whole in zip(contexts, wholes, strict=True)]


def fitted_row(before: Sequence[int], after: Sequence[int], *, n_ctx: int) -> tuple[Row, bool]:
    """The row that predicts ``after`` behind ``before``, and whether it lost its beginning.

    Args:
        before: at least one id; cut at its beginning where both are longer than the context.
        after: at most ``n_ctx`` ids.
        n_ctx: positions of the model.

    Raises:
        ContextLengthError: if ``after`` alone is longer than the context.
    """
    if len(after) > n_ctx:
        raise ContextLengthError(
            f"{len(after):,} tokens are to be predicted at once, and the model has {n_ctx:,} "
            "positions.",
            "Shorten what follows the context, or take a model with a longer one.",
        )
    ids = [*before, *after][-(n_ctx + 1) :]
    return Row(ids, first=len(ids) - len(after)), len(before) + len(after) > len(ids)
