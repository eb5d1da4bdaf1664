"""A vocabulary of a corpus' own."""

from collections.abc import Iterable

from cutaway.errors import TokenizerError
from cutaway.tokenizers.alphabet import GPT2_PATTERN

__all__ = ["train_ranks"]


def train_ranks(texts: Iterable[str], *, vocab_size: int) -> dict[bytes, int]:
    """The ``vocab_size - 1`` ordinary entries that BPE learns from the texts."""
    import rustbpe

    if type(vocab_size) is not int or vocab_size < 257:
        raise TokenizerError(
            f"vocab_size is {vocab_size!r}.",
            "It must be at least 257: the 256 bytes and <|endoftext|>.",
        )
    trainer = rustbpe.Tokenizer()  # pyright: ignore[reportAttributeAccessIssue]
    trainer.train_from_iterator(iter(texts), vocab_size - 1, pattern=GPT2_PATTERN)
    ranks = {bytes(token): id for token, id in trainer.get_mergeable_ranks()}
    if len(ranks) < vocab_size - 1:
        raise TokenizerError(
            f"The corpus yields only {len(ranks) + 1:,} entries, not {vocab_size:,}.",
            "Give it more text, or ask for a smaller vocabulary.",
        )
    return ranks
