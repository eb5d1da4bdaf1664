"""The merge behind each entry: the two parts that BPE joins into it.

A vocabulary as bytes and ids (tiktoken's view) and one as a list of merges (the files' view) mean
the same only if every entry, spelled out and merged with the entries before it, arrives at exactly
two parts. Then that pair is its merge, no other pair ever becomes it, and both views give equal
ids on every text. Vocabularies that BPE learnt have this property; other files are refused.
"""

from collections.abc import Mapping, Sequence

from cutaway.errors import TokenizerError

__all__ = ["Merges", "agree", "merges_of"]

_Pair = tuple[bytes, bytes]
Merges = Sequence[_Pair]


def merges_of(ranks: Mapping[bytes, int]) -> Merges:
    """The merges of a vocabulary, in order.

    Raises:
        TokenizerError: if an entry cannot come about by merging two earlier ones.
    """
    pairs: dict[bytes, _Pair] = {}
    known = {token for token in ranks if len(token) == 1}
    for token in sorted(ranks.keys() - known, key=ranks.__getitem__):
        for cut in range(1, len(token)):
            left, right = token[:cut], token[cut:]
            if left in known and right in known and _meet(left, right, pairs, ranks):
                pairs[token] = (left, right)
                known.add(token)
                break
        else:
            raise TokenizerError(
                f"No text becomes the entry {ranks[token]}, {token[:40]!r}:"
                " it is not made of two earlier entries.",
                "The vocabulary is damaged, or was not made by byte-level BPE.",
            )
    return tuple(pairs.values())


def agree(ranks: Mapping[bytes, int], merges: Merges) -> None:
    """Checks that merges from a file are those of the vocabulary beside them.

    Raises:
        TokenizerError: naming the first that differs.
    """
    pairs: dict[bytes, _Pair] = {}
    known = {token for token in ranks if len(token) == 1}
    made = sorted(ranks.keys() - known, key=ranks.__getitem__)
    for i, (token, (left, right)) in enumerate(zip(made, merges, strict=False)):
        fits = left + right == token and left in known and right in known
        if not (fits and _meet(left, right, pairs, ranks)):
            raise TokenizerError(
                f"Merge {i} joins {left[:40]!r} and {right[:40]!r}, which cannot be how the entry"
                f" {ranks[token]}, {token[:40]!r}, comes about.",
                "Merges and ids must be in one order; the files are damaged or do not belong"
                " together.",
            )
        pairs[token] = (left, right)
        known.add(token)
    if len(made) != len(merges):
        raise TokenizerError(
            f"{len(merges):,} merges, but {len(made):,} entries made by merging.",
            "The files are damaged or do not belong together.",
        )


def _meet(
    left: bytes, right: bytes, pairs: Mapping[bytes, _Pair], ranks: Mapping[bytes, int]
) -> bool:
    """Whether the spelled-out word ``left + right`` is ever in the state ``left | right``.

    Looks at the border and takes the merges back, last one first. If before some merge a pair
    across the border ranked lower, or equal and further left, that pair was joined instead.
    """
    made_left = ranks[left] if len(left) > 1 else -1
    made_right = ranks[right] if len(right) > 1 else -1
    while True:
        if made_left > made_right:
            left = pairs[left][1]
            if ranks.get(left + right, made_left) < made_left:
                return False
            made_left = ranks[left] if len(left) > 1 else -1
        elif made_right >= 0:
            right = pairs[right][0]
            if ranks.get(left + right, made_right + 1) <= made_right:
                return False
            made_right = ranks[right] if len(right) > 1 else -1
        else:
            return True
