"""Causal attention for training on a CPU: a compiled kernel, as an operator that torch knows.

FlashAttention (Dao et al. 2022) in C++, see ``native/``: neither pass forms the pattern, only its
lower triangle is computed, and dropout is a function of a seed and of the place in the pattern.
For ``torch.compile`` it is one node.
"""

from typing import Any

import torch
from jaxtyping import Float, Int
from torch import Tensor

from cutaway.nn import kernel

__all__ = ["causal_attention", "is_chosen", "takes"]

_MOST_WIDE = 128  # a head's numbers that the kernel has been made for
_SHORTEST = 64  # positions from which on it is worth a call
_TYPES = (torch.float32, torch.bfloat16)


def is_chosen(
    q: Tensor, k: Tensor, v: Tensor, dropout: float, *, relative: Tensor | None = None
) -> bool:
    """Whether :func:`causal_attention` takes these tensors, and is the faster way.

    Only for what is trained: without gradients torch's kernel is asked, as it is for inputs that
    this one does not take. But for distances that kernel needs a number for every pair in memory.
    """
    if q.device.type != "cpu":
        return False
    is_trained = torch.is_grad_enabled() and any(x.requires_grad for x in (q, k, v))
    if relative is None and not is_trained:
        return False
    alike = q.shape == k.shape == v.shape and q.dtype == k.dtype == v.dtype in _TYPES
    unfused = dropout > 0.0 or relative is not None
    n, width = q.shape[-2:]
    return alike and dropout < 1.0 and takes(n, width, _dtype(q), unfused=unfused)


def takes(length: int, width: int, dtype: torch.dtype, *, unfused: bool) -> bool:
    """Whether the kernel is for texts of this length and heads of this width, and faster here."""
    fits = length >= _SHORTEST and width % 16 == 0 and width <= _MOST_WIDE and dtype in _TYPES
    return fits and _pays(dtype, unfused)


@torch.compiler.assume_constant_result  # pyright: ignore[reportUntypedFunctionDecorator]
def _pays(dtype: torch.dtype, unfused: bool) -> bool:
    return kernel.pays(dtype, unfused=unfused)


def _dtype(q: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else q.dtype


def causal_attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H T K"],
    v: Float[Tensor, "B H T K"],
    *,
    relative: Float[Tensor, "H R K"] | None = None,
    starts: Int[Tensor, "_ T"] | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """The mean of the values at ``starts .. t``, by how well the keys there match query ``t``.

    Args:
        q: queries; strides are free, but for the last axis.
        k: keys.
        v: values.
        relative: vectors of distances, see :class:`cutaway.nn.relative.Relative`.
        starts: the first position that each query sees, of each row or of all; None for 0.
        dropout: the share of weights to drop, to a multiple of 2^-16; torch's generator gives the
            seed.
    """
    dtype = _dtype(q)
    q, k, v = (_together(x.to(dtype)) for x in (q, k, v))
    relative = None if relative is None else _together(relative.to(dtype))
    seed = torch.randint(2**62, (), dtype=torch.int64) if dropout else None
    if starts is not None:
        starts = starts.to(torch.int32).expand(len(q), -1).contiguous()
    out, _ = _attention(q, k, v, relative, starts, seed, dropout)
    return out.transpose(1, 2)


def _together(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 else x.contiguous()


@torch.library.custom_op("cutaway::causal_attention", mutates_args=())
def _attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    relative: Tensor | None,
    starts: Tensor | None,
    seed: Tensor | None,
    dropout: float,
) -> tuple[Tensor, Tensor]:
    """The output as ``(B, T, H, K)``, and the logarithms of the sums, ``(B, H, T)``."""
    out, log_sums = _outputs(q)
    tensors = {"q": q, "k": k, "v": v, "out": out.transpose(1, 2)}
    tensors |= _for_each_row(relative, len(q))
    kernel.forward(kernel.problem_of(tensors, log_sums, starts, seed, dropout), q.dtype)
    return out, log_sums


@_attention.register_fake
def _(q: Tensor, *_: Any) -> tuple[Tensor, Tensor]:
    return _outputs(q)


@torch.library.custom_op("cutaway::causal_attention_backward", mutates_args=())
def _attention_backward(
    out_grad: Tensor,
    q: Tensor,
    k: Tensor,
    v: Tensor,
    relative: Tensor | None,
    out: Tensor,
    log_sums: Tensor,
    starts: Tensor | None,
    seed: Tensor | None,
    dropout: float,
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The gradients of queries, keys and values, each ``(B, T, H, K)``, and of distances.

    These are ``(B, H, R, K)``, in float32, to be summed over the rows; empty where there are none.
    """
    grads = tuple(_outputs(q)[0] for _ in range(3))
    names = ("q_grad", "k_grad", "v_grad")
    tensors = {"q": q, "k": k, "v": v, "out": out.transpose(1, 2)}
    tensors["out_grad"] = _together(out_grad.to(q.dtype)).transpose(1, 2)
    tensors |= {name: grad.transpose(1, 2) for name, grad in zip(names, grads, strict=True)}
    relative_grad = _relative_grad(q, relative)
    tensors |= _for_each_row(relative, len(q)) | {"relative_grad": relative_grad}
    kernel.backward(kernel.problem_of(tensors, log_sums, starts, seed, dropout), q.dtype)
    return grads[0], grads[1], grads[2], relative_grad


@_attention_backward.register_fake
def _(
    _: Tensor, q: Tensor, __: Tensor, ___: Tensor, relative: Tensor | None, *____: Any
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    return _outputs(q)[0], _outputs(q)[0], _outputs(q)[0], _relative_grad(q, relative)


def _outputs(q: Tensor) -> tuple[Tensor, Tensor]:
    B, H, T, K = q.shape
    return q.new_empty(B, T, H, K), q.new_empty(B, H, T, dtype=torch.float32)


def _relative_grad(q: Tensor, relative: Tensor | None) -> Tensor:
    shape = (0, 0, 0, 0) if relative is None else (len(q), *relative.shape)
    return q.new_empty(shape, dtype=torch.float32)


def _for_each_row(relative: Tensor | None, n: int) -> dict[str, Tensor]:
    return {} if relative is None else {"relative": relative.expand(n, -1, -1, -1)}


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    q, k, v, relative, starts, seed, ctx.dropout = inputs
    ctx.save_for_backward(q, k, v, relative, *output, starts, seed)


def _backward(ctx: Any, out_grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    saved = ctx.saved_tensors  # once: a block that is run again has them once
    relative = saved[3]
    *grads, by_row = _attention_backward(out_grad, *saved, ctx.dropout)
    of_distances = None if relative is None else by_row.sum(0).to(relative.dtype)
    return (*(grad.transpose(1, 2) for grad in grads), of_distances, None, None, None)


_attention.register_autograd(_backward, setup_context=_remember)
