"""A vocabulary of a corpus' own."""

from collections.abc import Iterable, Iterator

from cutaway.errors import MissingExtra, TokenizerError
from cutaway.tokenizers.cuts import parts, sound
from cutaway.tokenizers.engine import WORDS

__all__ = ["train_ranks"]


def train_ranks(texts: Iterable[str], *, vocab_size: int, n_special: int = 1) -> dict[bytes, int]:
    """The ``vocab_size - n_special`` ordinary entries that BPE learns from the texts.

    The bytes are 0 to 255 in their order, then follow the merges: of all pairs of neighbours within
    words the most frequent is merged first, of equally frequent ones that with the lower left id,
    then the lower right id. The result depends on the texts alone: not on their order, the number
    of threads or the run. (rustbpe 0.1; ties read in its source, and tested over 1, 2 and 5
    threads. It counts a pair up to 2**31 times.)

    Raises:
        TokenizerError: if the texts are no strings or hold too little for that many entries.
    """
    try:
        import rustbpe
    except ImportError as error:
        raise MissingExtra(
            "Training a tokenizer needs rustbpe, which is not installed.",
            "Install it with: pip install rustbpe",
        ) from error
    least = 256 + n_special
    if type(vocab_size) is not int or not least <= vocab_size <= 1_000_000:
        others = f" and {n_special - 1} other special tokens" if n_special > 1 else ""
        raise TokenizerError(
            f"vocab_size is {vocab_size!r}.",
            f"It must be from {least} (the 256 bytes and <|endoftext|>{others}) to 1,000,000.",
        )
    n_ordinary = vocab_size - n_special
    trainer = rustbpe.Tokenizer()  # pyright: ignore[reportAttributeAccessIssue]
    trainer.train_from_iterator(_parts_of(texts), n_ordinary, pattern=WORDS)
    ranks = {bytes(token): id for token, id in trainer.get_mergeable_ranks()}
    if len(ranks) < n_ordinary:
        raise TokenizerError(
            f"The corpus yields only {len(ranks) + n_special:,} entries, not {vocab_size:,}.",
            "Give it more text, or ask for a smaller vocabulary.",
        )
    return ranks


def _parts_of(texts: Iterable[str]) -> Iterator[str]:
    if isinstance(texts, str):
        raise TokenizerError("The texts are one string.", "Give a list of strings.")
    for text in texts:
        if not isinstance(text, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise TokenizerError(
                f"A text is of the type {type(text).__name__}.", "Each must be a string."
            )
        yield from parts(sound(text))
