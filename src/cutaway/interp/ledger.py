"""The cache ledger: what each token costs with the key-value cache, and what without.

The article (sections 1.6 and 2.3): GPT-2 keeps keys and values of earlier tokens, so a step makes
only those of the new one. Here are the counts of every step by a closed formula, and, at some
positions, counts and times of real passes of the model. Counted are the multiply-adds of matrix
products; element-wise work (norms, GELU, softmax) is far less. Attention counts every query
against every key: kernels that leave out the masked half do up to half of it.

The ledger is about the model and the length of the text; edits of a run do not change it.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from cutaway.errors import ConfigError
from cutaway.generation.model_rows import evaluating
from cutaway.interp.bounds import check_index
from cutaway.interp.record import Recorder
from cutaway.interp.runs import Run
from cutaway.models import Decoder, DecoderConfig, MusicTransformerConfig
from cutaway.nn import KVCache

__all__ = ["Ledger", "Measured", "MultiplyAdds", "ledger", "measure", "multiply_adds"]

_PASSES, _SECONDS = 5, 0.03  # a time is the median of so many passes, or of those in this time


@dataclass(frozen=True, slots=True, kw_only=True)
class Ledger:
    """What every step of writing a text costs; entry ``t`` is the step that reads position ``t``.

    Without the cache each step reads the whole text so far again. Both end with the scores
    behind one position.

    Attributes:
        bytes_per_position: of keys and values in all layers, as the cache holds them.
        bytes_held: by the cache after each step.
        made_with: positions whose keys and values the step makes, with the cache: one.
        reused_with: positions whose keys and values it finds in the cache.
        made_without: positions whose keys and values it makes, without the cache: all.
        with_cache: multiply-adds of the step.
        without_cache: multiply-adds of the step.
    """

    bytes_per_position: int
    bytes_held: Int[Tensor, " T"]
    made_with: Int[Tensor, " T"]
    reused_with: Int[Tensor, " T"]
    made_without: Int[Tensor, " T"]
    with_cache: Int[Tensor, " T"]
    without_cache: Int[Tensor, " T"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Some steps as they really ran on this machine; one entry for each of ``positions``.

    Attributes:
        positions: that the steps read.
        made_with: positions whose keys a pass with the cache made, seen in the pass.
        made_without: the same of a pass without.
        with_cache: multiply-adds, counted in the pass.
        without_cache: the same of a pass without.
        ms_with: milliseconds of a pass with the cache, the median of a few.
        ms_without: the same of a pass without.
        difference: the largest between a logit with and the same logit without.
    """

    positions: tuple[int, ...]
    made_with: Int[Tensor, " N"]
    made_without: Int[Tensor, " N"]
    with_cache: Int[Tensor, " N"]
    without_cache: Int[Tensor, " N"]
    ms_with: Float[Tensor, " N"]
    ms_without: Float[Tensor, " N"]
    difference: Float[Tensor, " N"]


def multiply_adds(config: DecoderConfig, *, n_new: int, n_held: int = 0) -> int:
    """Multiply-adds of one pass over ``n_new`` tokens behind ``n_held`` cached ones.

    In each layer 12 D^2 for a token (3 D^2 for queries, keys and values, D^2 behind the heads,
    8 D^2 in the MLP) and 2 D for each query and key; on top D V, the scores behind one position.
    The heads of a Music Transformer are of another width together, and it multiplies a query with
    the vectors of distances too.

    >>> from cutaway.models import GPT2Config
    >>> multiply_adds(GPT2Config(), n_new=1)
    123550464
    """
    D, A, V, n_keys = config.n_embd, config.n_att, config.vocab_size, n_held + n_new
    matrices = n_new * (4 * D * A + 2 * D * config.n_inner)
    if isinstance(config, MusicTransformerConfig):
        matrices += n_new * min(config.max_relative, n_keys) * A
    return config.n_layer * (matrices + 2 * n_new * n_keys * A) + D * V


def ledger(run: Run) -> Ledger:
    """The books of a text, by closed formulas; :func:`measure` holds them against real passes."""
    config, n = run.model.config, len(run.ids)
    steps = torch.arange(n)
    per_position = run.model.new_cache(1, 1).nbytes
    with_cache = [multiply_adds(config, n_new=1, n_held=t) for t in range(n)]
    without_cache = [multiply_adds(config, n_new=t + 1) for t in range(n)]
    return Ledger(
        bytes_per_position=per_position,
        bytes_held=(steps + 1) * per_position,
        made_with=torch.ones_like(steps),
        reused_with=steps,
        made_without=steps + 1,
        with_cache=torch.tensor(with_cache),
        without_cache=torch.tensor(without_cache),
    )


def measure(run: Run, *, positions: Sequence[int] | None = None) -> Measured:
    """Runs the model with and without its cache, counts its multiply-adds and takes its time.

    Args:
        run: whose text is read.
        positions: to measure; by default texts of 1, 4, 16, ... tokens and the whole, so that
            all passes together read less than three times the text.

    Raises:
        ConfigError: for a position that is not there, or none at all.
    """
    n = len(run.ids)
    if positions is None:
        lengths = [4**i for i in range(n.bit_length()) if 4**i < n]
        positions = [length - 1 for length in (*lengths, n)]
    asked = sorted({check_index("position", t, n) for t in positions})
    if not asked:
        raise ConfigError("positions is empty.", "Give at least one, or None.")
    # Not in inference mode: there, products would reach the counter before they are taken apart.
    with evaluating(run.model), torch.inference_mode(False), torch.no_grad():
        rows = _measure(run.model, run.ids, asked)
    columns = [torch.tensor(column) for column in zip(*rows, strict=True)]
    return Measured(
        positions=tuple(asked),
        made_with=columns[0],
        with_cache=columns[1],
        ms_with=columns[2],
        made_without=columns[3],
        without_cache=columns[4],
        ms_without=columns[5],
        difference=columns[6],
    )


class MultiplyAdds(TorchDispatchMode):
    """Counts the multiply-adds of every matrix product that runs inside it, in this thread.

    >>> with MultiplyAdds() as counter:
    ...     _ = torch.ones(2, 3) @ torch.ones(3, 5)
    >>> counter.total
    30
    """

    def __init__(self) -> None:
        super().__init__()
        self.total = 0

    def __torch_dispatch__(
        self,
        func: Any,
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Looks at the shapes of one operation and runs it."""
        name = str(func.overloadpacket).removeprefix("aten.")
        if name in ("mm", "bmm", "addmm", "baddbmm"):
            left, right = args[-2:] if name in ("mm", "bmm") else args[1:3]
            self.total += left.numel() * right.shape[-1]
        elif name.startswith("_scaled_dot_product"):  # fused: scores and their sum of values
            q, k, v = args[:3]
            self.total += q[..., 0].numel() * k.shape[-2] * (q.shape[-1] + v.shape[-1])
        return func(*args, **(kwargs or {}))


def _measure(model: Decoder, ids: tuple[int, ...], positions: list[int]) -> list[tuple[float, ...]]:
    """A row for each position, in their order."""
    tokens = torch.tensor([ids], device=model.wte.weight.device)
    cache = model.new_cache(1, len(ids))
    if positions[-1]:
        model.hidden(tokens[:, : positions[-1]], cache=cache)
    rows: list[tuple[float, ...]] = []
    for t in reversed(positions):  # a cache can forget its end
        cached, plain = _steps(model, tokens[:, : t + 1], cache)
        made_with, counted_with, logits = _count(model, cached)
        made_without, counted_without, expected = _count(model, plain)
        difference = float((logits - expected).abs().max())
        with_cache = (made_with, counted_with, _milliseconds(cached))
        without_cache = (made_without, counted_without, _milliseconds(plain))
        rows.append((*with_cache, *without_cache, difference))
    return rows[::-1]


_Step = Callable[[Recorder], Tensor]


def _steps(model: Decoder, tokens: Tensor, cache: KVCache) -> tuple[_Step, _Step]:
    """The last token behind a cache that holds the others, and all tokens without a cache."""

    def cached(tap: Recorder) -> Tensor:
        cache.truncate([tokens.shape[1] - 1])
        return model.unembed(model.hidden(tokens[:, -1:], cache=cache, tap=tap)[:, -1])

    def plain(tap: Recorder) -> Tensor:
        return model.unembed(model.hidden(tokens, tap=tap)[:, -1])

    return cached, plain


def _count(model: Decoder, step: _Step) -> tuple[int, int, Tensor]:
    """Positions whose keys the step makes, its multiply-adds and its logits."""
    recorder = Recorder({f"h.{i}.attn.k" for i in range(model.config.n_layer)})
    with MultiplyAdds() as counter:
        logits = step(recorder)
    (made,) = {keys.shape[-2] for keys in recorder.values.values()}
    return made, counter.total, logits


def _milliseconds(step: _Step) -> float:
    """The median time of a few passes; reading one number waits for the device."""
    nothing, times = Recorder(()), list[float]()
    while len(times) < _PASSES and sum(times) < _SECONDS:
        start = time.perf_counter()
        step(nothing)[0, 0].item()
        times.append(time.perf_counter() - start)
    return 1000 * median(times)
