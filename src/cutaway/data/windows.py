"""Which tokens a training step sees: a function of the seed and the step, so nothing to save."""

from typing import Any, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from cutaway.data.rows import TokenRow
from cutaway.errors import DataError

__all__ = ["Deal", "Windows"]


class Deal(Protocol):
    """What the loop asks for its batches: windows of one corpus, or of several by weight."""

    @property
    def per_epoch(self) -> int:
        """Windows until one comes again."""
        ...

    def cut_to(self, length: int) -> Self:
        """Windows of another length over the same tokens."""
        ...

    def batch(self, *, first: int, size: int) -> NDArray[np.int64]:
        """The windows ``first`` to ``first + size`` of all that are ever dealt."""
        ...


class Windows:
    """Cuts a row of tokens into windows and deals them out without replacement, epoch by epoch.

    In each epoch the grid of cuts starts somewhere else and the windows come in another order,
    both drawn from ``(seed, epoch)`` alone: any step can be asked for at any time.

    Args:
        tokens: ids ``(n_tokens,)``, possibly memory-mapped, or shards that look like that.
        length: tokens in a window, one more than the positions trained on.
        seed: of the order.

    Raises:
        DataError: if there are too few tokens for one window.

    >>> windows = Windows(np.arange(101), length=11, seed=0)
    >>> windows.batch(first=0, size=4).shape
    (4, 11)
    """

    def __init__(self, tokens: TokenRow, *, length: int, seed: int) -> None:
        # Neighbouring windows share one token: the last target of one is the first input of the
        # next. One stride is kept back so that the grid can be shifted.
        self.stride = length - 1
        self.per_epoch = (len(tokens) - 1) // self.stride - 1
        if self.per_epoch < 1:
            raise DataError(
                f"{len(tokens)} tokens are too few for windows of {length}.",
                f"Give at least {2 * self.stride + 1} tokens, or shorten model.n_ctx.",
            )
        self.tokens, self.length, self.seed = tokens, length, seed
        self._epoch: tuple[int, int, NDArray[np.int64]] | None = None

    def cut_to(self, length: int) -> Self:
        """Windows of another length over the same tokens, in an order of their own."""
        return type(self)(self.tokens, length=length, seed=self.seed)

    def batch(self, *, first: int, size: int) -> NDArray[np.int64]:
        """The windows ``first`` to ``first + size`` of all that are ever dealt, in rows."""
        rows = [self.window(first + i) for i in range(size)]
        return np.stack(rows).astype(np.int64)

    def window(self, i: int) -> NDArray[Any]:
        """The ``i``-th window ``(length,)`` of all that are ever dealt."""
        epoch, place = divmod(i, self.per_epoch)
        if self._epoch is None or self._epoch[0] != epoch:
            rng = np.random.default_rng([self.seed, epoch])
            shift, order = int(rng.integers(self.stride)), rng.permutation(self.per_epoch)
            self._epoch = (epoch, shift, order)
        _, shift, order = self._epoch
        start = shift + int(order[place]) * self.stride
        return self.tokens[start : start + self.length]
