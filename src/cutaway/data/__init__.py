"""Corpora to token files to batches."""

from cutaway.data.documents import read_documents
from cutaway.data.tokens import TokenIndex, open_tokens, write_tokens
from cutaway.data.windows import Windows

__all__ = ["TokenIndex", "Windows", "open_tokens", "read_documents", "write_tokens"]
