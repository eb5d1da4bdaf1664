"""``tokenizer.json``: a vocabulary as Hugging Face's libraries write it down."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from cutaway.tokenizers.alphabet import END_OF_TEXT, to_letters

__all__ = ["tokenizer_json"]

_BYTE_LEVEL = {
    "type": "ByteLevel",
    "add_prefix_space": False,
    "trim_offsets": False,
    "use_regex": True,
}


def tokenizer_json(
    ranks: Mapping[bytes, int],
    merges: Sequence[tuple[bytes, bytes]],
    *,
    eot: int,
    special: bool = True,
) -> str:
    """The document.

    Args:
        ranks: bytes to id.
        merges: in order.
        eot: the id of ``<|endoftext|>``.
        special: whether a reader shall find ``<|endoftext|>`` in texts.
    """
    tokens = sorted(ranks, key=ranks.__getitem__)
    letters = dict(zip(tokens, to_letters(tokens), strict=True))
    vocab = {letters[token]: ranks[token] for token in tokens} | {END_OF_TEXT: eot}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_special(eot)] if special else [],
        "normalizer": None,
        "pre_tokenizer": _BYTE_LEVEL,
        "post_processor": _BYTE_LEVEL,
        "decoder": _BYTE_LEVEL,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": vocab,
            "merges": [f"{letters[left]} {letters[right]}" for left, right in merges],
        },
    }
    return json.dumps(document, ensure_ascii=False)


def _special(eot: int) -> dict[str, Any]:
    return {
        "id": eot,
        "content": END_OF_TEXT,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
