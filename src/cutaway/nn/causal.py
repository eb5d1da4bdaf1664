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


def is_chosen(q: Tensor, k: Tensor, v: Tensor, dropout: float) -> bool:
    """Whether :func:`causal_attention` takes these tensors, and is the faster way.

    Only for what is trained: without gradients torch's kernel is asked, as it is for inputs that
    this one does not take.
    """
    if q.device.type != "cpu" or not torch.is_grad_enabled():
        return False
    if not (q.requires_grad or k.requires_grad or v.requires_grad):
        return False
    alike = q.shape == k.shape == v.shape and q.dtype == k.dtype == v.dtype in _TYPES
    return alike and dropout < 1.0 and takes(q.shape[-2], q.shape[-1], _dtype(q))


def takes(length: int, width: int, dtype: torch.dtype) -> bool:
    """Whether the kernel is for texts of this length and heads of this width, and faster here."""
    fits = length >= _SHORTEST and width % 16 == 0 and width <= _MOST_WIDE and dtype in _TYPES
    return fits and _pays(dtype)


@torch.compiler.assume_constant_result  # pyright: ignore[reportUntypedFunctionDecorator]
def _pays(dtype: torch.dtype) -> bool:
    return kernel.pays(dtype)


def _dtype(q: Tensor) -> torch.dtype:
    return torch.get_autocast_dtype("cpu") if torch.is_autocast_enabled("cpu") else q.dtype


def causal_attention(
    q: Float[Tensor, "B H T K"],
    k: Float[Tensor, "B H T K"],
    v: Float[Tensor, "B H T K"],
    *,
    starts: Int[Tensor, "B T"] | None = None,
    dropout: float = 0.0,
) -> Float[Tensor, "B H T K"]:
    """The mean of the values at ``starts .. t``, by how well the keys there match query ``t``.

    Args:
        q: queries; strides are free, but for the last axis.
        k: keys.
        v: values.
        starts: the first position that each query sees; None for 0.
        dropout: the share of weights to drop, to a multiple of 2^-16; torch's generator gives the
            seed.
    """
    q, k, v = (_together(x.to(_dtype(q))) for x in (q, k, v))
    seed = torch.randint(2**62, (), dtype=torch.int64) if dropout else None
    starts = None if starts is None else starts.to(torch.int32).contiguous()
    out, _ = _attention(q, k, v, starts, seed, dropout)
    return out.transpose(1, 2)


def _together(x: Tensor) -> Tensor:
    return x if x.stride(-1) == 1 else x.contiguous()


@torch.library.custom_op("cutaway::causal_attention", mutates_args=())
def _attention(
    q: Tensor, k: Tensor, v: Tensor, starts: Tensor | None, seed: Tensor | None, dropout: float
) -> tuple[Tensor, Tensor]:
    """The output as ``(B, T, H, K)``, and the logarithms of the sums, ``(B, H, T)``."""
    out, log_sums = _outputs(q)
    tensors = {"q": q, "k": k, "v": v, "out": out.transpose(1, 2)}
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
    out: Tensor,
    log_sums: Tensor,
    starts: Tensor | None,
    seed: Tensor | None,
    dropout: float,
) -> tuple[Tensor, Tensor, Tensor]:
    """The gradients of queries, keys and values, each ``(B, T, H, K)``."""
    grads = tuple(_outputs(q)[0] for _ in range(3))
    names = ("q_grad", "k_grad", "v_grad")
    tensors = {"q": q, "k": k, "v": v, "out": out.transpose(1, 2)}
    tensors["out_grad"] = _together(out_grad.to(q.dtype)).transpose(1, 2)
    tensors |= {name: grad.transpose(1, 2) for name, grad in zip(names, grads, strict=True)}
    kernel.backward(kernel.problem_of(tensors, log_sums, starts, seed, dropout), q.dtype)
    return grads[0], grads[1], grads[2]


@_attention_backward.register_fake
def _(_: Tensor, q: Tensor, *__: Any) -> tuple[Tensor, Tensor, Tensor]:
    return _outputs(q)[0], _outputs(q)[0], _outputs(q)[0]


def _outputs(q: Tensor) -> tuple[Tensor, Tensor]:
    B, H, T, K = q.shape
    return q.new_empty(B, T, H, K), q.new_empty(B, H, T, dtype=torch.float32)


def _remember(ctx: Any, inputs: tuple[Any, ...], output: tuple[Tensor, Tensor]) -> None:
    q, k, v, starts, seed, ctx.dropout = inputs
    ctx.save_for_backward(q, k, v, *output, starts, seed)


def _backward(ctx: Any, out_grad: Tensor, _: Tensor) -> tuple[Tensor | None, ...]:
    grads = _attention_backward(out_grad, *ctx.saved_tensors, ctx.dropout)
    return (*(grad.transpose(1, 2) for grad in grads), None, None, None)


_attention.register_autograd(_backward, setup_context=_remember)
