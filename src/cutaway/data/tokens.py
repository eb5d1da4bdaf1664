"""A corpus as one long row of token ids in a memory-mapped file, with an index beside it.

``train.bin`` holds unsigned 16- or 32-bit little-endian ids, every document closed by
end-of-text; ``train.json`` says how many, of how many bytes of text, by which vocabulary, and the
SHA-256 of the ``.bin``.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from cutaway.data.shards import dtype_for, write_json
from cutaway.errors import DataError
from cutaway.files import atomic_write, sha256_of
from cutaway.tokenizers import Tokenizer

__all__ = ["TokenIndex", "open_tokens", "write_tokens"]

_BATCH = 256  # documents handed to the tokenizer at once


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenIndex:
    """What a file of token ids holds.

    Attributes:
        n_documents: documents, each closed by end-of-text.
        n_tokens: ids, end-of-text included.
        n_bytes: bytes of UTF-8 text, end-of-text not counted.
        dtype: of the ids: ``uint16`` or ``uint32``.
        tokenizer: fingerprint of the vocabulary.
        sha256: of the file of ids.
    """

    n_documents: int
    n_tokens: int
    n_bytes: int
    dtype: str
    tokenizer: str
    sha256: str


def write_tokens(path: Path, documents: Iterable[str], tokenizer: Tokenizer) -> TokenIndex:
    """Encodes ``documents`` into ``path`` (``.bin``) and its index (``.json``).

    Raises:
        DataError: if there is no document.
    """
    dtype = dtype_for(tokenizer.vocab_size)
    with atomic_write(path) as file:
        counts = _encode(file, iter(documents), tokenizer, np.dtype(dtype).newbyteorder("<"))
    if not counts[0]:
        path.unlink()
        raise DataError(f"No documents for {path}.", "Check the files of the corpus.")
    index = TokenIndex(
        n_documents=counts[0],
        n_tokens=counts[1],
        n_bytes=counts[2],
        dtype=dtype,
        tokenizer=tokenizer.fingerprint,
        sha256=sha256_of(path),
    )
    write_json(path.with_suffix(".json"), asdict(index))
    return index


def _encode(
    file: BinaryIO, documents: Iterator[str], tokenizer: Tokenizer, dtype: np.dtype[Any]
) -> tuple[int, int, int]:
    n_documents = n_tokens = n_bytes = 0
    while batch := list(islice(documents, _BATCH)):
        for text, ids in zip(batch, tokenizer.encode_batch(batch), strict=True):
            file.write(np.array([*ids, tokenizer.eot], dtype=dtype).tobytes())
            n_documents += 1
            n_tokens += len(ids) + 1
            n_bytes += len(text.encode())
    return n_documents, n_tokens, n_bytes


def open_tokens(path: Path, *, verify: bool = True) -> tuple[NDArray[Any], TokenIndex]:
    """Maps a file of token ids into memory.

    Args:
        path: the ``.bin`` file.
        verify: whether to compare the checksum, which reads the whole file once.

    Returns:
        The ids ``(n_tokens,)``, read-only, and the index.

    Raises:
        DataError: if either file is absent, damaged or does not fit the other.
    """
    try:
        index = TokenIndex(**json.loads(path.with_suffix(".json").read_bytes()))
        tokens = np.memmap(path, dtype=np.dtype(index.dtype).newbyteorder("<"), mode="r")
    except FileNotFoundError as error:
        raise DataError(f"No token file {error.filename}.", "Prepare the corpus again.") from None
    except (ValueError, TypeError) as error:
        raise DataError(f"{path} or its index is damaged: {error}.", "Remove both files.") from None
    if len(tokens) != index.n_tokens or (verify and sha256_of(path) != index.sha256):
        raise DataError(
            f"{path} does not match its index of {index.n_tokens} tokens.",
            "The corpus has changed or is damaged: remove both files and prepare it again.",
        )
    return tokens, index
