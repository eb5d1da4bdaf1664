"""Text files as documents that are texts."""

from collections.abc import Iterator
from pathlib import Path

from cutaway.data.formats import SEPARATOR, split_text
from cutaway.data.sources import file_source, opened
from cutaway.errors import DataError

__all__ = ["SEPARATOR", "read_documents"]


def read_documents(path: Path) -> Iterator[str]:
    """The documents of a text file, one at a time, without blank space at their ends.

    Documents are separated by a line that holds only ``<|endoftext|>``; a file without one is a
    single document, however long. Empty documents are skipped.

    Args:
        path: UTF-8 text; ``.gz``, ``.xz`` and ``.zst`` are unpacked on the way.

    Raises:
        DataError: if the file is absent, damaged or not UTF-8.
        MissingExtra: if a library is needed for it that is not installed.
    """
    if not path.exists():
        raise DataError(f"No corpus at {path}.", "Check the path.")
    with opened(file_source(path, "txt")) as file:
        for number, document in enumerate(split_text(file, longest=None), start=1):
            try:
                text = document.decode().strip()
            except UnicodeDecodeError as error:
                raise DataError(
                    f"document {number} is not UTF-8: {error.reason} at its byte {error.start}",
                    "Convert it with iconv, or use `cutaway data prepare`, which keeps all bytes.",
                ) from None
            if text:
                yield text
