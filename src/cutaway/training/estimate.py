"""How much memory a training run will take, told before it begins.

Counted from the sizes alone: what each part holds when it holds most (Rajbhandari et al. 2020,
"ZeRO", section 3, for weights, gradients and optimizer; Korthikanti et al. 2023, "Reducing
Activation Recomputation", section 4, for activations, with attention that keeps no scores). What
autograd keeps of a block was read off torch's saved tensors; ``benchmarks/training_memory.py``
compares the sums with the peaks of real processes.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil
from typing import Literal

from cutaway.models.config import (
    ModelConfig,
    ModernConfig,
    MusicTransformerConfig,
    TransformerConfig,
    TransformerDecoderConfig,
)

__all__ = ["MemoryEstimate", "RunShape", "estimate_memory"]

Device = Literal["cpu", "cuda"]

_PROCESS = {"cpu": 350_000_000, "cuda": 600_000_000}
"""Python and torch on a CPU, measured; context and libraries on a GPU, not measured here."""

# What is asked for again in each step does not fall into the same places. Measured on CPU (glibc),
# where gradients that stay between micro-batches lie in the way of the next ones' activations; on
# a GPU not measured here.
_LOSS_OF_PLACE = {"cpu": 0.15, "cuda": 0.05}
_LOSS_BY_GRADIENTS = {"cpu": 0.1, "cuda": 0.0}


@dataclass(frozen=True, slots=True, kw_only=True)
class RunShape:
    """What decides the memory of one process of a run.

    Attributes:
        model: its sizes.
        micro_batch: windows at once.
        context: positions of a window; those of the model by default.
        accumulates: whether an update is made of several micro-batches.
        precision: of the products; weights, gradients and moments are in float32 always.
        optimizer: ``adamw`` keeps two numbers for each weight, ``muon`` one for those of matrices
            in the blocks.
        recompute: whether a block keeps its input alone and is computed again.
        document_mask: whether rows have masks of their own.
        drops_inside: whether a CPU's attention drops weights, and looks at distances, without
            forming the pattern.
        trained: parameters that are trained, where that is not all: of a low-rank adapter.
        grows: whether an adapter comes with new rows of the vocabulary, which are trained, too.
        parallel: ``ddp`` holds everything in each process, ``fsdp`` a share of weights, gradients
            and moments, and whole blocks only while they are used.
        processes: how many share a batch.
        device: where the tensors are.
    """

    model: ModelConfig
    micro_batch: int
    context: int | None = None
    accumulates: bool = True
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    optimizer: str = "adamw"
    recompute: bool = False
    document_mask: bool = False
    drops_inside: bool = False
    trained: int | None = None
    grows: bool = False
    parallel: str = "ddp"
    processes: int = 1
    device: Device = "cpu"

    @property
    def positions(self) -> int:
        """Positions that go through the model at once."""
        return self.micro_batch * (self.context or self.model.n_ctx)

    @property
    def width(self) -> int:
        """Bytes of a number that products take."""
        return 4 if self.precision == "fp32" else 2

    @property
    def block(self) -> int:
        """Parameters of the matrices of a block; of one in each stack where there are two."""
        model = self.model
        if isinstance(model, TransformerConfig):  # three attentions and two networks
            return 12 * model.n_embd**2 + 4 * model.n_embd * model.n_inner
        return 4 * model.n_embd * model.n_att + 2 * model.n_embd * model.n_inner

    @property
    def parameters(self) -> int:
        """All parameters; GPT-2's head is its embedding and counts once."""
        model = self.model
        if self.is_modern:  # matrices alone, and a head of its own
            return model.n_layer * self.block + 2 * model.vocab_size * model.n_embd
        if isinstance(model, TransformerConfig):  # biases of the networks, five norms
            vectors = 12 * model.n_embd + 2 * model.n_inner
            return model.n_layer * (self.block + vectors) + model.vocab_size * model.n_embd
        if isinstance(model, MusicTransformerConfig):  # vectors of distances; no places
            vectors = 5 * model.n_embd + model.n_inner + model.max_relative * model.n_att
            return model.n_layer * (self.block + vectors) + (model.vocab_size + 2) * model.n_embd
        vectors = 9 * model.n_embd + model.n_inner
        blocks = model.n_layer * (self.block + vectors)
        if isinstance(model, TransformerDecoderConfig):  # no places; what compresses
            slots = 2 * model.count("m") * (model.stride * model.n_embd + 2) * model.n_embd
            return blocks + slots + (model.vocab_size + 2) * model.n_embd
        return blocks + (model.vocab_size + model.n_ctx + 2) * model.n_embd

    @property
    def is_modern(self) -> bool:
        """Whether it is a model of ``cutaway.models.modern``; its activations are not measured."""
        return isinstance(self.model, ModernConfig)

    @property
    def dropout(self) -> bool:
        """Whether there is any."""
        return bool(getattr(self.model, "dropout", 0.0))

    @property
    def is_sharded(self) -> bool:
        """Whether each process holds a share of the model only."""
        return self.parallel == "fsdp" and self.processes > 1


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes of one process, part by part, at the moment when it holds most.

    Attributes:
        parts: by name, in the order of :func:`estimate_memory`.
    """

    parts: Mapping[str, int]

    @property
    def total(self) -> int:
        """Of the whole process."""
        return sum(self.parts.values())

    @property
    def to_come(self) -> int:
        """What is not there yet when the estimate is made: all but the process itself."""
        return self.total - self.parts["process"]

    def __str__(self) -> str:
        named = (f"{name} {size / 1e9:.2f}" for name, size in self.parts.items() if size)
        return f"{', '.join(named)} GB"


def estimate_memory(shape: RunShape) -> MemoryEstimate:
    """What a process will hold at its peak, which is where the backward pass begins or ends.

    >>> from cutaway.models import PRESETS
    >>> shape = RunShape(model=PRESETS["gpt2"], micro_batch=2, precision="bf16")
    >>> round(estimate_memory(shape).total / 1e9, 1)
    4.4
    """
    share = shape.processes if shape.is_sharded else 1
    trained = shape.parameters if shape.trained is None else shape.trained
    weights = 4 * ceil(shape.parameters / share)
    gradients = 4 * ceil(trained / share)
    begin, end = _begin_of_backward(shape), _end_of_backward(shape)
    # DDP's gradients are views of its buckets, which stay; else an update lets go of them.
    kept = gradients if shape.accumulates or shape.processes > 1 else 0
    if sum(begin.values()) + kept >= sum(end.values()) + gradients:
        gradients, moving = kept, begin
    else:
        moving = end
    parts = {
        "weights": weights,
        "optimizer": ceil(_moments(shape, trained) / share),
        "gradients": gradients,
        **moving,
        "parallel": _put_together(shape) if shape.is_sharded else 0,
    }
    share_lost = _LOSS_OF_PLACE[shape.device]
    if shape.accumulates:
        share_lost += _LOSS_BY_GRADIENTS[shape.device]
    if shape.recompute and shape.device == "cpu":
        share_lost = 0.0  # see cutaway.training.process.memory_returned
    return MemoryEstimate(
        {
            **parts,
            "fragments": round(share_lost * sum(parts.values())),
            "process": _PROCESS[shape.device],
        }
    )


def _moments(shape: RunShape, trained: int) -> int:
    if shape.optimizer != "muon" or shape.trained is not None:
        return 8 * trained
    hidden = shape.model.n_layer * shape.block
    return 4 * hidden + 8 * (trained - hidden)


def _begin_of_backward(shape: RunShape) -> dict[str, int]:
    """Everything that the forward pass keeps is there, and the gradients of the head are made."""
    model, low = shape.model, shape.width
    block = _kept_by_block(shape)
    blocks = model.n_layer * block
    if shape.recompute:
        blocks = model.n_layer * 4 * shape.positions * model.n_embd + block
    ends = shape.positions * model.n_embd * (4 + 4)  # into and out of the last norm
    if shape.dropout:
        ends += 4 * shape.positions * model.n_embd
    casts = low * (model.n_layer * shape.block + model.vocab_size * model.n_embd)
    head = 4 * model.vocab_size * model.n_embd
    if shape.grows:
        head *= 3  # old and new rows are put together for the embedding and for the head
    elif shape.trained is not None:
        head = 0  # an adapter leaves it without a gradient
    return {
        "activations": blocks + ends,
        "casts": casts if low < 4 else 0,
        "loss": head + _logits(shape) + 4 * shape.positions * model.n_embd,
        "workspace": 2 * low * shape.positions * model.n_inner,
    }


def _logits(shape: RunShape) -> int:
    """Of the positions that have any at once, see :mod:`cutaway.training.cross_entropy`.

    In float32 256 positions, as logits and as log-probabilities; in 16 bits 512, of which a CPU
    has few in float32, and a GPU all of them twice.
    """
    if shape.width == 4:
        return 256 * 8 * shape.model.vocab_size
    return 512 * (2 if shape.device == "cpu" else 10) * shape.model.vocab_size


def _end_of_backward(shape: RunShape) -> dict[str, int]:
    """All gradients are there, and the embedding's comes from both of its uses."""
    model = shape.model
    embedding = 4 * model.vocab_size * model.n_embd
    return {
        "activations": _kept_by_block(shape),
        "casts": 0,
        "loss": embedding if shape.accumulates else 0,
        "workspace": embedding + 2 * shape.width * shape.positions * model.n_inner,
    }


def _kept_by_block(shape: RunShape) -> int:
    """What autograd keeps of a block.

    Float32 for the residual stream in front of both norms; in the type of the products what goes
    into each of the four matrices, queries, keys and values, and what GELU takes.
    """
    model, low, n = shape.model, shape.width, shape.positions
    into = 2 * model.n_embd + 4 * model.n_att + 2 * model.n_inner
    kept = n * (2 * 4 * model.n_embd + low * into)
    kept += 4 * n * (model.n_head + 4)  # attention's sums, means and deviations of the norms
    if shape.is_modern:  # queries and keys as they come, normalised and turned
        kept += 6 * low * n * model.n_embd
    context = keys = shape.context or model.n_ctx
    if isinstance(model, TransformerDecoderConfig):  # folded copies of queries, keys and values
        kept += 3 * low * n * model.n_embd
        keys = _most_keys(model, context)
    has_distances = isinstance(model, MusicTransformerConfig) and model.max_relative > 0
    if isinstance(model, MusicTransformerConfig) and model.window:
        keys = min(2 * model.window, context)
    if has_distances and not shape.drops_inside:  # their term, as it is made, moved and masked
        kept += (3 * low + 4) * n * keys * model.n_head
    if shape.document_mask:
        kept += 4 * n * context
    if shape.dropout and shape.device == "cpu" and not shape.drops_inside:
        # Torch's kernel is not for dropout: scores, pattern, and what is left of it.
        kept += 12 * n * (keys * model.n_head + model.n_embd) + 2 * low * n * model.n_embd
    elif shape.dropout:
        kept += 2 * n * model.n_embd
    return kept


def _most_keys(model: TransformerDecoderConfig, context: int) -> int:
    """The keys of a query where it has most; that is taken for every block."""
    of = {"l": min(model.block, context), "m": 1 + context // model.stride, "f": context}
    return max(of[letter] for letter in set(model.pattern))


def _put_together(shape: RunShape) -> int:
    """What of a sharded model is whole while it is used.

    The embeddings stay together from the forward to the backward pass, with their gradient; of the
    blocks one is used and the next is fetched, and one gradient is on its way.
    """
    embeddings = (shape.model.vocab_size + shape.model.n_ctx) * shape.model.n_embd
    return 4 * (2 * embeddings + 3 * shape.block)
