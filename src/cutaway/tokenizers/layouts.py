"""Vocabulary files: Hugging Face's and OpenAI's, read with suspicion.

A vocabulary is a stranger's file. Its size is looked at before it is read, and nothing in it is
believed that was not checked: it must describe byte-level BPE with GPT-2's word pattern and
``<|endoftext|>``, or a list of words as we write it; what else it adds must be special tokens, or
it is refused with the reason.
"""

import json
from pathlib import Path
from typing import Any, NamedTuple, cast

from cutaway.errors import TokenizerError
from cutaway.files import sha256_of
from cutaway.tokenizers.alphabet import END_OF_TEXT, from_letters
from cutaway.tokenizers.specials import checked_names, checked_specials
from cutaway.tokenizers.splits import Merges, agree
from cutaway.tokenizers.vocabulary import GPT2_SHA256, MAX_ENTRIES, checked_ranks, ranks_of_merges

__all__ = ["Vocabulary", "Words", "holds_gpt2", "read_vocabulary"]

_MAX_BYTES = 16 << 20  # GPT-2's tokenizer.json has 2 MiB or less
_PAIRS = {"vocab.json": "merges.txt", "encoder.json": "vocab.bpe"}
# The SHA-256 of files that hold GPT-2's own vocabulary: what we write, and what OpenAI published.
_GPT2 = {
    "tokenizer.json": "2a89e00a3c942ed0b6baa2e8b5d3dc46cbefaeb291b306b5035de787b3eb931e",
    **dict.fromkeys(_PAIRS, "196139668be63f3b5d6574427317ae82f612a97c5d1cdaf36ed2256dbf636783"),
    **dict.fromkeys(_PAIRS.values(), GPT2_SHA256),
}


class Vocabulary(NamedTuple):
    """Ordinary entries, the id of ``<|endoftext|>``, the merges that make the entries.

    ``specials`` are the special tokens beside ``<|endoftext|>``, by name.
    """

    ranks: dict[bytes, int]
    eot: int
    merges: Merges
    specials: dict[str, int]


class Words(NamedTuple):
    """Named words in the order of their ids, then ``<|endoftext|>``, then other special tokens."""

    names: list[str]
    specials: list[str]


def read_vocabulary(path: Path) -> Vocabulary | Words:
    """Reads a directory with a vocabulary, or one of its files.

    Raises:
        TokenizerError: if there is none, or it is damaged or of another kind.
    """
    path = _chosen(path)
    if path.is_dir():
        raise TokenizerError(
            f"No vocabulary in {path}.",
            "Expected tokenizer.json, or vocab.json and merges.txt, or encoder.json and vocab.bpe.",
        )
    try:
        return _read_file(path)
    except TokenizerError as error:
        if str(path) in error.what:
            raise
        raise TokenizerError(f"{path}: {error.what}", error.hint) from error


def holds_gpt2(path: Path) -> bool:
    """Whether what :func:`read_vocabulary` would read is, to the byte, GPT-2's own vocabulary.

    That is packaged, and reading it again and checking it would take a quarter of a second.
    """
    path = _chosen(path)
    files = [path]
    for vocab, merges in _PAIRS.items():
        if path.name in (vocab, merges):
            files = [path.with_name(name) for name in (vocab, merges)]
            if merges == "vocab.bpe" and not files[0].exists():
                files = files[1:]
    return all(_is_gpt2(file) for file in files)


def _is_gpt2(path: Path) -> bool:
    if path.name not in _GPT2 or not path.is_file() or path.stat().st_size > _MAX_BYTES:
        return False
    return sha256_of(path) == _GPT2[path.name]


def _chosen(path: Path) -> Path:
    """The file that is read of a directory, or the path itself."""
    known = ("tokenizer.json", *_PAIRS, "vocab.bpe")
    return next((path / name for name in known if path.is_dir() and (path / name).exists()), path)


def _read_file(path: Path) -> Vocabulary | Words:
    for vocab, merges in _PAIRS.items():
        if path.name in (vocab, merges):
            text = _read_text(path.with_name(merges))
            if merges == "vocab.bpe" and not path.with_name(vocab).exists():
                ranks = ranks_of_merges(text)  # the entries follow from the merges
                return _agreed(ranks, len(ranks), _merge_lines(text), {})
            entries = _entries(_read_json(path.with_name(vocab)))
            return _from_entries(entries, None, _merge_lines(text), {})
    document = _read_json(path)
    if not isinstance(document, dict) or "model" not in document:
        raise TokenizerError(
            f"{path} is no tokenizer.json: it has no model.",
            "Name the directory, or one of tokenizer.json, vocab.json, merges.txt, encoder.json,"
            " vocab.bpe.",
        )
    return _from_document(cast(dict[str, Any], document))


def _from_document(document: dict[str, Any]) -> Vocabulary | Words:
    model = document["model"]
    if not isinstance(model, dict):
        raise TokenizerError("Its model is not an object.", "The file is damaged.")
    if cast(dict[str, Any], model).get("type") == "WordLevel":
        return _words(document, cast(dict[str, Any], model))
    _refuse_other_kinds(document, cast(dict[str, Any], model))
    merges = [_merge_pair(merge) for merge in _list(model.get("merges"), "merges")]
    specials = _added(_list(document.get("added_tokens") or [], "added_tokens"))
    eot = specials.pop(END_OF_TEXT, None)
    return _from_entries(_entries(model.get("vocab")), eot, merges, specials)


def _words(document: dict[str, Any], model: dict[str, Any]) -> Words:
    """A list of words: only as we write it, for others may cut texts in other ways."""
    cutter, normalizer = document.get("pre_tokenizer"), document.get("normalizer")
    if cutter != {"type": "WhitespaceSplit"} or normalizer is not None:
        raise TokenizerError(
            "Its words are not cut at blanks alone.",
            "Of vocabularies of whole words only those that cutaway wrote can be read.",
        )
    entries = _entries(model.get("vocab"))
    added = _added(_list(document.get("added_tokens") or [], "added_tokens"))
    names = sorted(entries, key=lambda name: _whole(entries[name], name))
    if [entries[name] for name in names] != list(range(len(names))):
        raise TokenizerError(
            "The ids of its words repeat or leave a gap.",
            "Ids must be the whole numbers from 0 up, each once.",
        )
    n_words = len(names) - len(added)
    if {name: entries.get(name) for name in added} != added or names[n_words:] != list(added):
        raise TokenizerError(
            "Its special tokens are not the last of its words.", "The file is damaged."
        )
    if names[n_words : n_words + 1] != [END_OF_TEXT]:
        raise TokenizerError(
            f"The words are not followed by {END_OF_TEXT}.",
            "Of vocabularies of whole words only those that cutaway wrote can be read.",
        )
    return Words(list(checked_names(names[:n_words])), names[n_words + 1 :])


def _added(tokens: list[Any]) -> dict[str, Any]:
    """Added tokens by name. One that is not special would be found in every text, so it is refused.

    ``<|endoftext|>`` was added by some writers without saying that it is special.
    """
    added: dict[str, Any] = {}
    for token in tokens:
        if not isinstance(token, dict) or not isinstance(token.get("content"), str):  # pyright: ignore
            raise TokenizerError("An added token has no content.", "The file is damaged.")
        fields = cast(dict[str, Any], token)
        name: str = fields["content"]
        if name in added:
            raise TokenizerError(f"The token {name[:80]!r} is added twice.", "The file is damaged.")
        if name != END_OF_TEXT and fields.get("special") is not True:
            raise TokenizerError(
                f"It adds the token {name[:80]!r}, which is not special.",
                "Such tokens are found in every text, which byte-level BPE does not do.",
            )
        added[name] = _whole(fields.get("id"), name)
    return added


def _whole(id: object, name: str) -> int:
    if type(id) is not int:
        raise TokenizerError(
            f"The id of {name[:80]!r} is {str(id)[:80]}.", "It must be a whole number."
        )
    return id


def _refuse_other_kinds(document: dict[str, Any], model: dict[str, Any]) -> None:
    cutter = document.get("pre_tokenizer")
    kind = cutter if isinstance(cutter, dict) else {}
    facts = {
        "model.type": (model.get("type", "BPE"), "BPE"),
        "model.dropout": (model.get("dropout") or None, None),
        "model.continuing_subword_prefix": (model.get("continuing_subword_prefix") or None, None),
        "model.end_of_word_suffix": (model.get("end_of_word_suffix") or None, None),
        "model.byte_fallback": (model.get("byte_fallback", False), False),
        "normalizer": (document.get("normalizer"), None),
        "pre_tokenizer.type": (kind.get("type"), "ByteLevel"),
        "pre_tokenizer.add_prefix_space": (kind.get("add_prefix_space"), False),
        "pre_tokenizer.use_regex": (kind.get("use_regex", True), True),
    }
    for name, (value, wanted) in facts.items():
        if value != wanted:
            raise TokenizerError(
                f"Its {name} is {str(value)[:80]!r}, GPT-2's is {wanted!r}.",
                "Only byte-level BPE with GPT-2's words can be read.",
            )


def _from_entries(
    entries: dict[str, int], eot: object, merges: list[tuple[str, str]], specials: dict[str, Any]
) -> Vocabulary:
    inside = entries.pop(END_OF_TEXT, None)
    for name, id in specials.items():  # written among the entries by us, not by all others
        if entries.pop(name, id) != id:
            raise TokenizerError(f"{name[:80]!r} has two ids.", "The file is damaged.")
    if eot is not None and inside is not None and eot != inside:
        raise TokenizerError(
            f"{END_OF_TEXT} has two ids, {inside} and {eot!r}.", "The file is damaged."
        )
    eot = inside if eot is None else eot
    if type(eot) is not int:
        raise TokenizerError(
            f"The vocabulary has no {END_OF_TEXT}.",
            "Only vocabularies in GPT-2's layout can be read.",
        )
    ranks = dict(zip(from_letters(list(entries)), entries.values(), strict=True))
    return _agreed(ranks, eot, merges, specials)


def _agreed(
    ranks: dict[bytes, int], eot: int, merges: list[tuple[str, str]], specials: dict[str, Any]
) -> Vocabulary:
    """The vocabulary, if its entries and its merges say the same."""
    specials = checked_specials(specials, ranks)
    ranks, eot = checked_ranks(ranks, eot=eot, others=specials.values())
    lefts, rights = ([pair[side] for pair in merges] for side in (0, 1))
    given = tuple(zip(from_letters(lefts), from_letters(rights), strict=True))
    agree(ranks, given)
    return Vocabulary(ranks, eot, given, specials)


def _entries(value: object) -> dict[str, int]:
    if not isinstance(value, dict) or len(cast(dict[str, Any], value)) > MAX_ENTRIES:
        raise TokenizerError(
            "The vocabulary is not an object of entries and ids, or has too many.",
            f"At most {MAX_ENTRIES:,} entries are taken.",
        )
    return cast(dict[str, int], value)


def _list(value: object, name: str) -> list[Any]:
    if not isinstance(value, list):
        raise TokenizerError(f"Its {name} are not a list.", "The file is damaged.")
    return cast(list[Any], value)


def _merge_pair(merge: object) -> tuple[str, str]:
    pair = merge.split(" ") if isinstance(merge, str) else merge
    if isinstance(pair, list):
        left, right = pair if len(cast(list[Any], pair)) == 2 else (None, None)
        if isinstance(left, str) and isinstance(right, str):
            return left, right
    raise TokenizerError(
        f"The merge {str(cast(object, merge))[:80]!r} is not a pair.", "The file is damaged."
    )


def _merge_lines(text: str) -> list[tuple[str, str]]:
    lines = text.split("\n")
    return [_merge_pair(line) for line in lines if line and not line.startswith("#version")]


def _read_text(path: Path) -> str:
    if not path.is_file():
        raise TokenizerError(
            f"No file {path}.", "A vocabulary is tokenizer.json, or a pair of files; see the docs."
        )
    size = path.stat().st_size
    if size > _MAX_BYTES:
        raise TokenizerError(
            f"{path} has {size:,} bytes; a vocabulary has at most {_MAX_BYTES:,}.",
            "It is not a vocabulary of this kind.",
        )
    try:
        return path.read_bytes().decode()
    except UnicodeDecodeError as error:
        raise TokenizerError(f"{path} is not UTF-8: {error}.", "The file is damaged.") from error


def _read_json(path: Path) -> object:
    try:
        return json.loads(_read_text(path), object_pairs_hook=_without_duplicates)
    except TokenizerError:
        raise
    except (ValueError, RecursionError) as error:
        reason = str(error) if isinstance(error, ValueError) else "it is nested too deeply"
        raise TokenizerError(f"{path} is not JSON: {reason}.", "The file is damaged.") from error


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) != len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise TokenizerError(f"The key {twice[:40]!r} appears twice.", "The file is damaged.")
    return result
