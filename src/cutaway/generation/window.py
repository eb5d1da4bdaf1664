"""Which tokens the model looks at, and whether a text of some length fits."""

from cutaway.errors import ContextLengthError
from cutaway.generation.settings import GenerationConfig

__all__ = ["n_total", "window_start"]


def window_start(n_tokens: int, n_ctx: int) -> int:
    """Where the window starts from which the token behind ``n_tokens`` others is predicted.

    The whole text while it fits. Past that the window moves on by half a context at a time, so
    that the kept half is read again once for every ``n_ctx / 2`` new tokens. A function of
    the length alone: a text goes on in the same way wherever it was interrupted.

    >>> [window_start(n, 8) for n in (8, 9, 12, 13)]
    [0, 4, 4, 8]
    """
    stride = max(n_ctx // 2, 1)
    n_over = max(n_tokens - n_ctx, 0)
    return -(-n_over // stride) * stride


def n_total(n_prompt: int, *, n_ctx: int, config: GenerationConfig) -> int:
    """How many tokens a text has when it is as long as it may be, prompt included.

    Raises:
        ContextLengthError: if the prompt leaves no room, or the length asked for cannot fit.
    """
    asked = n_prompt + config.n_new
    if config.overflow == "slide":
        return asked
    if n_prompt >= n_ctx:
        raise ContextLengthError(
            f"The prompt has {n_prompt} tokens, and the model {n_ctx} positions: "
            "there is no room for a new token.",
            "Shorten the prompt, or go on with its last tokens: overflow='slide'.",
        )
    if asked > n_ctx and config.max_new_tokens is not None and config.overflow == "error":
        raise ContextLengthError(
            f"{n_prompt} tokens of prompt and {config.max_new_tokens} new ones are {asked}, "
            f"but the model has {n_ctx} positions.",
            f"Ask for at most {n_ctx - n_prompt}, or choose overflow='stop' or 'slide'.",
        )
    return min(asked, n_ctx)
