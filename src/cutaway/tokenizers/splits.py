"""The merge behind each entry: the two parts that BPE joins into it.

A vocabulary as bytes and ids (tiktoken's view) and one as a list of merges (the files' view) mean
the same only if every entry, spelled out and merged with the entries before it, arrives at exactly
two parts. Then that pair is its merge, no other pair ever becomes it, and both views give equal
ids on every text. Vocabularies that BPE learnt have this property; others are refused.
"""

from collections.abc import Mapping

from cutaway.errors import TokenizerError

__all__ = ["merges_of"]


def merges_of(ranks: Mapping[bytes, int]) -> list[tuple[bytes, bytes]]:
    """The merges of a vocabulary, in order.

    Raises:
        TokenizerError: if an entry cannot come about by merging two earlier ones.
    """
    parts: dict[bytes, tuple[bytes, bytes]] = {}
    for token in sorted(ranks, key=ranks.__getitem__):
        if len(token) == 1:
            continue
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            known = (len(left) == 1 or left in parts) and (len(right) == 1 or right in parts)
            if known and _meet(left, right, parts, ranks):
                parts[token] = (left, right)
                break
        else:
            raise TokenizerError(
                f"No text becomes the entry {ranks[token]}, {token[:40]!r}:"
                " it is not made of two earlier entries.",
                "The vocabulary is damaged, or was not made by byte-level BPE.",
            )
    return list(parts.values())


def _meet(
    left: bytes,
    right: bytes,
    parts: Mapping[bytes, tuple[bytes, bytes]],
    ranks: Mapping[bytes, int],
) -> bool:
    """Whether the spelled-out word ``left + right`` is ever in the state ``left | right``.

    Looks at the border and takes the merges back, last one first. If before some merge a pair
    across the border ranked lower, or equal and further left, that pair was joined instead.
    """
    while True:
        made_left = ranks[left] if len(left) > 1 else -1
        made_right = ranks[right] if len(right) > 1 else -1
        if made_left > made_right:
            left = parts[left][1]
            if ranks.get(left + right, made_left) < made_left:
                return False
        elif made_right >= 0:
            right = parts[right][0]
            if ranks.get(left + right, made_right + 1) <= made_right:
                return False
        else:
            return True
