"""Which windows a step learns from: a function of the step, as all of a run is."""

import torch

from cutaway.data import Deal
from cutaway.training.objectives import TokenBatch
from cutaway.training.recipe import LoopConfig, Recipe

__all__ = ["Batches", "Sizes"]


class Sizes:
    """How many rows the batch of a step has, and how many went before it.

    Args:
        loop: the size of the batch, and from when on it has another one.
    """

    def __init__(self, loop: LoopConfig) -> None:
        self._loop = loop

    def size(self, step: int) -> int:
        """Windows of ``n_ctx`` tokens, or pairs, in the batch of a step."""
        grown = [g.batch_size for g in self._loop.batch_growth if g.step <= step]
        return grown[-1] if grown else self._loop.batch_size

    def first(self, step: int) -> int:
        """How many all steps before it have had."""
        total, since, size = 0, 0, self._loop.batch_size
        for growth in self._loop.batch_growth:
            if growth.step >= step:
                break
            total, since, size = (
                total + (growth.step - since) * size,
                growth.step,
                growth.batch_size,
            )
        return total + (step - since) * size


class Batches(Sizes):
    """Deals the batch of every step.

    Args:
        recipe: sizes of the batch, short windows, final text.
        train: windows of ``n_ctx + 1`` tokens.
        final: windows of the last ``training.final_steps``, where there are such.
        eot: the id that ends a document, for ``training.document_mask``.
    """

    def __init__(
        self, recipe: Recipe, train: Deal, final: Deal | None = None, *, eot: int | None = None
    ) -> None:
        super().__init__(recipe.training)
        loop, self._n_ctx = recipe.training, recipe.model.n_ctx
        self._eot = eot if loop.document_mask else None
        self._train, self._final = train, train if final is None else final
        if loop.short_steps:
            length = loop.short_window + 1
            self._short_train, self._short_final = train.cut_to(length), self._final.cut_to(length)

    def of(self, step: int) -> TokenBatch:
        """The batch of a step (from 0)."""
        loop = self._loop
        is_final = step >= loop.steps - loop.final_steps
        windows, more = self._final if is_final else self._train, 1
        if step < loop.short_steps:
            windows = self._short_final if is_final else self._short_train
            more = self._n_ctx // loop.short_window
        return self._batch(windows, more * self.first(step), more * self.size(step))

    def looks(self, windows: Deal, n: int) -> TokenBatch:
        """The first ``n`` windows of a validation corpus, or all if there are fewer."""
        return self._batch(windows, 0, min(n, windows.per_epoch))

    def _batch(self, windows: Deal, first: int, n: int) -> TokenBatch:
        rows = torch.from_numpy(windows.batch(first=first, size=n))
        return TokenBatch.of_windows(rows, eot=self._eot)
