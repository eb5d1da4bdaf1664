"""``tokenizer.json``: a vocabulary as Hugging Face's libraries write it down."""

import json
import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from cutaway.tokenizers.alphabet import END_OF_TEXT, to_letters

__all__ = ["tokenizer_json", "words_json"]

_NONE: Mapping[str, int] = MappingProxyType({})

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
    specials: Mapping[str, int] = _NONE,
    special: bool = True,
) -> str:
    """The document.

    Args:
        ranks: bytes to id.
        merges: in order.
        eot: the id of ``<|endoftext|>``.
        specials: other special tokens.
        special: whether a reader shall find ``<|endoftext|>`` and the others in texts.
    """
    tokens = sorted(ranks, key=ranks.__getitem__)
    letters = dict(zip(tokens, to_letters(tokens), strict=True))
    added = {END_OF_TEXT: eot, **specials}
    vocab = {letters[token]: ranks[token] for token in tokens} | added
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_special(name, id) for name, id in added.items()] if special else [],
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


def words_json(names: Sequence[str], *, eot: int, specials: Mapping[str, int] = _NONE) -> str:
    """The document of a vocabulary of words; its ``blocks`` say in words how the ids are ordered.

    Args:
        names: the words in the order of their ids.
        eot: the id of ``<|endoftext|>``.
        specials: other special tokens.
    """
    added = {END_OF_TEXT: eot, **specials}
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [_special(name, id) for name, id in added.items()],
        "normalizer": None,
        "pre_tokenizer": {"type": "WhitespaceSplit"},
        "post_processor": None,
        "decoder": None,
        # A name that is no word, so that no library takes an unknown word for one of these.
        "model": {
            "type": "WordLevel",
            "unk_token": "<unk>",
            "blocks": _blocks(names),
            "vocab": {name: id for id, name in enumerate(names)} | added,
        },
    }
    return json.dumps(document, ensure_ascii=False)


def _blocks(names: Sequence[str]) -> list[str]:
    """Neighbours that differ in their number only, as one line each.

    >>> _blocks(["NOTE_ON_0", "NOTE_ON_1", "NOTE_OFF_0", "SILENCE"])
    ['0-1: NOTE_ON_0 to NOTE_ON_1', '2: NOTE_OFF_0', '3: SILENCE']
    """
    kinds = [re.sub(r"[0-9]+$", "", name) for name in names]
    firsts = [i for i in range(len(names)) if not i or kinds[i] != kinds[i - 1]]
    blocks: list[str] = []
    for first, end in zip(firsts, [*firsts[1:], len(names)], strict=True):
        alone = end == first + 1
        ids, last = (f"{first}", "") if alone else (f"{first}-{end - 1}", f" to {names[end - 1]}")
        blocks.append(f"{ids}: {names[first]}{last}")
    return blocks


def _special(name: str, id: int) -> dict[str, Any]:
    return {
        "id": id,
        "content": name,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": True,
    }
