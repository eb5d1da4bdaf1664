"""What may follow the texts of a beam search: the best extensions of many searches at once.

A step of a search adds up scores for every text and every token, and needs some ten of the sums.
So most are never formed: the best of every 64th score tells how high a text's tenth must be, the
best such bound of a search holds for all its texts, and what lies above it is few.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from cutaway.generation.choosing import Logits

__all__ = ["Extensions", "best_extensions"]

_STRIDE = 64  # scores of which only the best is looked at, to find a bound
_MARGIN = 1e-9  # sums are rounded in another order than bounds

Indices = NDArray[np.intp]


class Extensions(NamedTuple):
    """Texts one token longer, search by search, in each the best first.

    Attributes:
        search: that the text belongs to, ``(C,)``.
        rank: 0 for the best text of its search.
        row: of the text that was extended.
        token: that was added.
        total: the sum that ranks the text.
    """

    search: Indices
    rank: Indices
    row: Indices
    token: Indices
    total: NDArray[np.float64]

    def where(self, kept: NDArray[np.bool_] | Indices) -> "Extensions":
        """Some of them, or all in another order, with the ranks they have."""
        search, rank, row, token = (
            column[kept] for column in (self.search, self.rank, self.row, self.token)
        )
        return Extensions(search, rank, row, token, self.total[kept])

    def listed(self) -> list[tuple[int, int, int, float]]:
        """Search, row, token and total of each."""
        columns = (self.search.tolist(), self.row.tolist(), self.token.tolist())
        return list(zip(*columns, self.total.tolist(), strict=True))

    def reranked(self) -> "Extensions":
        """The same texts with the ranks that they have among each other."""
        return self._replace(rank=_ranks(self.search))


@np.errstate(all="ignore")
def best_extensions(
    scores: Logits,
    offsets: NDArray[np.float64],
    *,
    searches: Indices,
    places: Indices,
    wanted: int,
) -> Extensions:
    """The ``wanted`` best sums ``offsets[row] + scores[row, token]`` of each search.

    Minus infinity and what is no number is left out, so there may be fewer. Of equal sums those of
    the row with the lower place come first, then the lower token.

    Args:
        scores: of every token behind every text, ``(R, V)``.
        offsets: what each text has, ``(R,)``.
        searches: the search of each text, ``(R,)``.
        places: the rank of each text in its search, ``(R,)``.
        wanted: texts for each search, at most.
    """
    bounds = np.full(int(searches.max(initial=-1)) + 1, -np.inf)
    np.maximum.at(bounds, searches, _some_least(scores, wanted) + offsets)
    bounds -= _MARGIN * np.abs(bounds)
    least = (bounds[searches] - offsets).astype(scores.dtype)
    is_near = scores >= np.nextafter(least, scores.dtype.type(-np.inf))[:, None]
    row, token = np.divmod(np.flatnonzero(is_near), scores.shape[1])
    total = offsets[row] + scores[row, token]
    is_sum = total > -np.inf
    row, token, total = row[is_sum], token[is_sum], total[is_sum]
    order = np.lexsort((token, places[row], -total, searches[row]))
    row, search = row[order], searches[row[order]]
    found = Extensions(search, _ranks(search), row, token[order], total[order])
    return found.where(found.rank < wanted)


def _ranks(search: Indices) -> Indices:
    """The place of each entry among those of its search, which stand together."""
    return np.arange(len(search)) - np.searchsorted(search, search)


def _some_least(scores: Logits, k: int) -> NDArray[np.float64]:
    """For each row ``(R, V)`` a score that at least ``k`` tokens reach, and not many more."""
    n_vocab = scores.shape[1]
    n_columns = max(n_vocab // _STRIDE, 4 * k)
    n_rows = n_vocab // n_columns
    if n_rows > 1:
        whole = scores[:, : n_rows * n_columns]
        scores = whole.reshape(len(scores), n_rows, n_columns).max(1)
    rank = scores.shape[1] - k
    if rank < 0:
        return np.full(len(scores), -np.inf)
    return np.partition(scores, rank)[:, rank].astype(np.float64)
