"""Log-probabilities from logits, for engines that give logits only: numpy in several threads."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np

__all__ = ["logprobs_of_next"]

_ROWS = 16  # at once: 3 MB of logits, which stay in the cache


def logprobs_of_next(logits: np.ndarray, ids: list[int], threads: int) -> list[float]:
    """The log-probability of ``ids[1:]`` under the logits of the positions before each."""

    def part(start: int) -> np.ndarray:
        rows = logits[start : min(start + _ROWS, len(ids) - 1)]
        following = np.array(ids[start + 1 : start + 1 + len(rows)])
        most = rows.max(1)
        total = np.exp(rows - most[:, None]).sum(1)
        return rows[np.arange(len(rows)), following] - most - np.log(total)

    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate([*pool.map(part, range(0, len(ids) - 1, _ROWS))]).tolist()
