"""From what a user gives as a prompt to ids that the model can take."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import cast

from cutaway.errors import ConfigError, ContextLengthError, NoTokenizer, TokenizerError
from cutaway.generation.sample import Prompt
from cutaway.generation.settings import GenerationConfig
from cutaway.generation.window import n_total
from cutaway.tokenizers import Tokenizer

__all__ = [
    "PromptLike",
    "check_ids",
    "check_length",
    "check_settings",
    "check_size",
    "is_batch",
    "read_prompt",
    "require_tokenizer",
]

PromptLike = str | Sequence[int]


def is_batch(prompts: object) -> bool:
    """Whether this is a list of prompts, not one text or one list of ids.

    Raises:
        ConfigError: for an empty list, which could be either, and for what is neither.
    """
    if isinstance(prompts, str):
        return False
    if not isinstance(prompts, Sequence) or isinstance(prompts, bytes):
        raise ConfigError(
            f"A prompt is of type {type(prompts).__name__}.",
            "Give a text, a list of token ids, or a list of such prompts.",
        )
    if not prompts:
        raise ConfigError("The list of prompts is empty.", "Give '' to start from nothing.")
    return not isinstance(prompts[0], int)


def read_prompt(
    prompt: PromptLike,
    *,
    tokenizer: Tokenizer | None,
    n_vocab: int,
    n_ctx: int,
    config: GenerationConfig,
) -> Prompt:
    """Encodes a prompt and checks it. An empty text becomes ``<|endoftext|>``.

    Raises:
        ContextLengthError: if it does not fit; a huge text is refused before it is encoded.
        TokenizerError: for ids outside the vocabulary, or a text without a tokenizer.
    """
    if isinstance(prompt, str):
        vocabulary = require_tokenizer(tokenizer)
        if config.overflow != "slide":
            check_size(prompt, tokenizer=vocabulary, n_ctx=n_ctx)
        text, ids = prompt, vocabulary.encode(prompt) or [vocabulary.eot]
    else:
        if is_batch(prompt):
            raise ConfigError(
                f"A prompt holds {prompt[0]!r}.", "Give a text or a list of token ids."
            )
        ids = check_ids(prompt, n_vocab=n_vocab)
        text = tokenizer.decode(ids) if tokenizer else ""
    return Prompt(text, tuple(ids), n_total(len(ids), n_ctx=n_ctx, config=config))


def check_settings(config: GenerationConfig, *, tokenizer: Tokenizer | None, n_vocab: int) -> None:
    """Checks what depends on the vocabulary.

    Raises:
        ConfigError: for a token id outside it.
        TokenizerError: for stop strings without a tokenizer.
    """
    for name in ("logit_bias", "stop_ids"):
        for token in getattr(config, name):
            if token >= n_vocab:
                raise ConfigError(
                    f"There is no token {token} in {name}.", f"Ids go from 0 to {n_vocab - 1}."
                )
    if config.stop:
        require_tokenizer(tokenizer)


def require_tokenizer(tokenizer: Tokenizer | None) -> Tokenizer:
    """The tokenizer, if there is one.

    Raises:
        TokenizerError: if there is none.
    """
    if tokenizer is None:
        raise NoTokenizer(
            "This model came without a tokenizer, so it cannot read text.",
            "Give token ids, or put tokenizer.json (or vocab.json and merges.txt) beside it.",
        )
    return tokenizer


def check_ids(ids: Sequence[int], *, n_vocab: int) -> list[int]:
    """The ids as a list, at least one and each in the vocabulary.

    Raises:
        TokenizerError: if not.
    """
    if not len(ids):
        raise TokenizerError("A prompt has no ids.", "Give '' to start from <|endoftext|>.")
    for i, token in enumerate(cast("Iterable[object]", ids)):
        if not isinstance(token, int) or isinstance(token, bool) or not 0 <= token < n_vocab:
            raise TokenizerError(
                f"Token {i} of a prompt is {token!r}.",
                f"It must be a whole number from 0 to {n_vocab - 1}.",
            )
    return list(ids)


def check_length(ids: Sequence[int], *, n_ctx: int) -> None:
    """Refuses more ids than the model has positions.

    Raises:
        ContextLengthError: naming both numbers.
    """
    if len(ids) > n_ctx:
        raise ContextLengthError(
            f"The text has {len(ids):,} tokens, and the model {n_ctx:,} positions.", "Shorten it."
        )


def check_size(text: str, *, tokenizer: Tokenizer, n_ctx: int) -> None:
    """Refuses a text that cannot fit however well it compresses, without encoding it.

    Raises:
        ContextLengthError: if even the longest tokens would be too many.
    """
    at_least = -(-len(text) // _longest(tokenizer))  # a character has one byte or more
    if at_least > n_ctx:
        raise ContextLengthError(
            f"The text has {len(text):,} characters, which are {at_least:,} tokens or more; "
            f"the model has {n_ctx:,} positions.",
            "Shorten the text, or let generation slide its window (overflow='slide').",
        )


@lru_cache(maxsize=8)
def _longest(tokenizer: Tokenizer) -> int:
    """Bytes of the longest token."""
    return max(map(len, tokenizer.ranks))
