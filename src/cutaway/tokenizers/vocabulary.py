"""What a vocabulary must be, and GPT-2's own."""

import hashlib
from collections.abc import Collection, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from typing import NoReturn

from cutaway.errors import TokenizerError
from cutaway.tokenizers.alphabet import BYTE_ORDER, from_letters
from cutaway.tokenizers.splits import Merges

__all__ = [
    "GPT2_SHA256",
    "MAX_ENTRIES",
    "checked_ranks",
    "gpt2_merges",
    "gpt2_ranks",
    "ranks_of_merges",
]

# Published by OpenAI with the model and checked by tiktoken too.
GPT2_SHA256 = "1ce1664773c50f3e0cc8842619a93edc4624525b728b188a9e0be33b7726adc5"
MAX_ENTRIES = 1_000_000


def gpt2_ranks() -> dict[bytes, int]:
    """The 50,256 ordinary entries of GPT-2: 256 bytes, then 50,000 merges.

    Raises:
        TokenizerError: if the packaged file is not OpenAI's.
    """
    data = _gpt2_file().read_bytes()
    if hashlib.sha256(data).hexdigest() != GPT2_SHA256:
        raise TokenizerError(
            "The packaged vocab.bpe is not OpenAI's: its SHA-256 differs.",
            "The installation is damaged; install cutaway again.",
        )
    return ranks_of_merges(data.decode())


def gpt2_merges() -> Merges:
    """The 50,000 merges of GPT-2, in order."""
    lines = _gpt2_file().read_text("utf-8").split("\n")[1:-1]
    lefts, rights = zip(*(line.split(" ") for line in lines), strict=True)
    return tuple(zip(from_letters(lefts), from_letters(rights), strict=True))


def _gpt2_file() -> Traversable:
    return resources.files("cutaway").joinpath("assets/gpt2/vocab.bpe")


def ranks_of_merges(text: str) -> dict[bytes, int]:
    """The entries that follow from a merges file in GPT-2's layout (``vocab.bpe``, ``merges.txt``).

    Raises:
        TokenizerError: if a letter is not one of the alphabet's.
    """
    lines = text.replace(" ", "").split("\n")
    merges = [line for line in lines if line and not line.startswith("#version")]
    ranks = {bytes([byte]): id for id, byte in enumerate(BYTE_ORDER)}
    ranks.update(zip(from_letters(merges), range(256, 256 + len(merges)), strict=True))
    return ranks


def checked_ranks(
    ranks: Mapping[bytes, int], *, eot: int | None, others: Collection[int] = ()
) -> tuple[dict[bytes, int], int]:
    """A copy of the vocabulary and its end-of-text id, if they can serve.

    Args:
        ranks: bytes to id.
        eot: the id of end-of-text; the one behind all ranks if not given.
        others: ids of further special tokens.

    Raises:
        TokenizerError: if a byte has no entry, ids repeat or leave a gap, or there are too many.
    """
    if len(ranks) > MAX_ENTRIES:
        raise TokenizerError(
            f"A vocabulary of {len(ranks):,} entries.", f"At most {MAX_ENTRIES:,} are taken."
        )
    eot = len(ranks) if eot is None else eot
    missing = [byte for byte in range(256) if bytes([byte]) not in ranks]
    if missing:
        raise TokenizerError(
            f"The vocabulary has no entry for {len(missing)} of the 256 bytes"
            f" (the first is 0x{missing[0]:02x}).",
            "It is not a byte-level vocabulary, or it is damaged.",
        )
    if b"" in ranks:
        raise TokenizerError("The vocabulary has an empty entry.", "The file is damaged.")
    ids = [*ranks.values(), eot, *others]
    if set(map(type, ids)) != {int} or set(ids) != set(range(len(ids))):
        _refuse(ids)
    return dict(ranks), eot


def _refuse(ids: list[int]) -> NoReturn:
    n_entries = len(ids)
    wrong = next((id for id in ids if type(id) is not int or not 0 <= id < n_entries), None)
    if wrong is not None:
        raise TokenizerError(
            f"A vocabulary of {n_entries:,} entries has the id {repr(wrong)[:80]}.",
            "Ids must be the whole numbers from 0 up, without a gap.",
        )
    raise TokenizerError(
        f"{n_entries:,} entries share {len(set(ids)):,} ids.", "Each entry needs its own id."
    )
