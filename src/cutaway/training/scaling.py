"""The loss scaled up, so that small gradients are not lost in float16.

Micikevicius et al. 2018, "Mixed Precision Training", section 3.2: float16 has no number between 0
and 6e-8, and most gradients of activations are smaller. The loss is multiplied before the backward
pass and the gradients are divided after it. The factor is as large as it can be: where a gradient
overflows, the update is left out and the factor halved; after some good steps it doubles.
"""

import math
from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from cutaway.errors import CorruptCheckpoint

__all__ = ["LossScaler"]

_LARGEST = 2.0**24


class LossScaler:
    """The factor of the loss, and when it changes.

    Gradients that are not finite are an overflow and no sign of divergence, until the factor has
    fallen below ``floor``: a model whose gradients are too large for float16 even then has
    diverged (:attr:`is_exhausted`).

    Args:
        enabled: if not, the loss stays as it is and gradients are not looked at.
        factor: to begin with; a power of two, so that scaling rounds nothing.
        patience: good steps in a row after which the factor doubles.
        floor: the smallest factor that overflow may lead to.

    >>> scaler = LossScaler(factor=4.0)
    >>> weight = nn.Parameter(torch.tensor([3.0]))
    >>> scaler.scale(weight.square().sum()).backward()
    >>> scaler.unscale([weight]), weight.grad
    (True, tensor([6.]))
    """

    def __init__(
        self,
        *,
        enabled: bool = True,
        factor: float = 2.0**16,
        patience: int = 2000,
        floor: float = 1.0,
    ) -> None:
        self.enabled, self.factor = enabled, factor if enabled else 1.0
        self.patience, self.floor = patience, floor
        self._n_good = 0

    def scale(self, loss: Tensor) -> Tensor:
        """The loss to call ``backward`` on."""
        return loss * self.factor if self.enabled else loss

    @torch.no_grad()
    def unscale(self, parameters: Iterable[nn.Parameter]) -> bool:
        """Divides the gradients, in place, once all of them are summed.

        Returns:
            Whether all are finite. If not, the update must be left out.
        """
        if not self.enabled:
            return True
        grads = [p.grad for p in parameters if p.grad is not None]
        for grad in grads:
            grad.mul_(1.0 / self.factor)
        return bool(nn.utils.get_total_norm(grads, norm_type=math.inf).isfinite())

    def update(self, finite: bool) -> None:
        """Fits the factor to what :meth:`unscale` said of this step."""
        if not self.enabled:
            return
        self._n_good = self._n_good + 1 if finite else 0
        if not finite:
            self.factor /= 2
        elif self._n_good == self.patience:
            self.factor, self._n_good = min(2 * self.factor, _LARGEST), 0

    @property
    def is_exhausted(self) -> bool:
        """Whether halving has not helped: the gradients are not finite at any factor."""
        return self.enabled and self.factor < self.floor

    def state(self) -> dict[str, float]:
        """What changes from step to step, ready for JSON."""
        return {"factor": self.factor, "n_good": self._n_good}

    def restore(self, state: Mapping[str, float]) -> None:
        """The inverse of :meth:`state`.

        Raises:
            CorruptCheckpoint: if it is none.
        """
        factor, n_good = state.get("factor"), state.get("n_good")
        if (
            not isinstance(factor, float)
            or not isinstance(n_good, int)
            or not 0 < factor < math.inf
        ):
            raise CorruptCheckpoint(
                f"The loss scaler's state is {dict(state)}.", "Go on from an earlier checkpoint."
            )
        self.factor, self._n_good = factor, n_good
