"""Parts of a run's values, cut and pooled before they travel."""

from itertools import pairwise

import torch
from torch import Tensor

from cutaway.errors import ConfigError, unknown
from cutaway.interp.bounds import check_index
from cutaway.interp.parts import embedded, only_there
from cutaway.interp.runs import Run
from cutaway.interp.sites import block_names
from cutaway.server.telling import part

__all__ = ["TooManyNumbers", "check_total", "overview_of", "site_values"]

_TOP = ("wte", "wpe", "ln_f", "logits")
_SQUARE = ("attn.scores", "attn.pattern")
_MAX_NUMBERS = 64 << 20


class TooManyNumbers(ConfigError):
    """More numbers than one answer holds."""


def site_values(
    run: Run,
    site: str,
    *,
    head: int | None = None,
    rows: str | None = None,
    cols: str | None = None,
    pool: int | None = None,
) -> tuple[Tensor, bool, bool]:
    """Values at a site.

    Args:
        run: to look into.
        site: a tap's exact name.
        head: one of the heads, for sites that have some.
        rows: query positions, ``a:b``.
        cols: places on the last axis, ``a:b``.
        pool: pooled to at most so many rows and columns, by the value that is farthest from 0.

    Returns:
        The values without the batch axis, whether they are probabilities, and whether all above
        the diagonal is 0.

    Raises:
        ConfigError: for a site, head or part that is not there.
    """
    T = len(run.ids)
    down = part("rows", rows, T)
    values = _values(run, site, head=head, rows=down)
    values = values[..., part("cols", cols, values.shape[-1])]
    if values.numel() > _MAX_NUMBERS:
        raise TooManyNumbers(
            f"{site} has {values.numel():,} numbers here.", "Ask for one head, or for some rows."
        )
    is_pattern = site.endswith("attn.pattern")
    whole = rows is None and cols is None and head is not None and pool is None
    if pool is not None:
        values = _pooled(values, pool)
    return values, is_pattern, is_pattern and whole and run.edits.causal


def check_total(n: int) -> None:
    """Raises for more numbers than one answer may hold.

    Raises:
        ConfigError: with both figures.
    """
    if n > _MAX_NUMBERS:
        raise TooManyNumbers(
            f"These sites have over {n:,} numbers; one answer holds {_MAX_NUMBERS:,}.",
            "Ask for fewer sites at once.",
        )


def overview_of(run: Run, *, layer: int, size: int) -> Tensor:
    """The largest weight in each part of every head's pattern, (H, size, size) at most."""
    heads = range(run.model.config.n_head)
    return torch.stack([_pooled(run.pattern(layer, head), size) for head in heads])


def _values(run: Run, site: str, *, head: int | None, rows: slice) -> Tensor:
    model = run.model
    if site in _TOP:
        return _top(run, site, rows)
    h, _, rest = site.partition(".")
    number, _, name = rest.partition(".")
    exact = number.isascii() and number.isdigit() and number == str(int(number[:9]))
    if h != "h" or not exact or name not in block_names():
        known = [f"h.{number or 0}.{name}" for name in block_names()]
        raise unknown("site", site[:80], [*_TOP, *known])
    layer = check_index("layer", int(number[:9]), model.config.n_layer)
    if head is not None:
        check_index("head", head, model.config.n_head)
    if name in _SQUARE:
        look = run.pattern if name == "attn.pattern" else run.scores
        if head is not None:
            return look(layer, head, rows)
        n_rows = rows.stop - rows.start
        if n_rows * len(run.ids) * model.config.n_head > _MAX_NUMBERS:
            raise TooManyNumbers(f"{site} is too large at once.", "Ask for one head, or some rows.")
        return torch.stack([look(layer, one, rows) for one in range(model.config.n_head)])
    only_there(model, name)
    values = run.block(layer)[name]
    if values.ndim == 2:
        return values[rows]
    return values[:, rows] if head is None else values[head, rows]


def _top(run: Run, site: str, rows: slice) -> Tensor:
    model = run.model
    if site == "logits":
        places = range(rows.start, rows.stop)
        if len(places) * model.config.vocab_size > _MAX_NUMBERS:
            raise TooManyNumbers("logits are too large at once.", "Ask for some rows.")
        return torch.stack([run.logits(q) for q in places])
    if site == "ln_f":
        return run.final()[rows]
    only_there(model, site)
    places = range(rows.start, rows.stop)
    return embedded(model, site, places if site == "wpe" else run.ids[rows]).detach()


def _pooled(values: Tensor, size: int) -> Tensor:
    """At most ``size`` x ``size``: the value farthest from 0 in each part of the last two axes."""
    for axis in (-2, -1):
        n = values.shape[axis]
        if n <= size:
            continue
        edges = [n * i // size for i in range(size + 1)]
        parts = [values.narrow(axis, a, b - a) for a, b in pairwise(edges)]
        values = torch.stack([_farthest(one, axis) for one in parts], axis)
    return values


def _farthest(values: Tensor, axis: int) -> Tensor:
    low, high = values.amin(axis), values.amax(axis)
    return torch.where(-low > high, low, high)
