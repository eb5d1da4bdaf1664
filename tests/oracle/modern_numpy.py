"""The modern decoder in numpy and float64, as :mod:`oracle.gpt2_numpy` has GPT-2: its judge.

Positions turn pairs of numbers as complex numbers are turned: Su et al. 2021, equation 13.
"""

import numpy as np
from numpy.typing import NDArray

from oracle.gpt2_numpy import Array, Trace, above, below, head

EPSILON = 1e-6


def rms_norm(x: Array) -> Array:  # [any, n] -> [any, n]
    return x / np.sqrt((x**2).mean(axis=-1, keepdims=True) + EPSILON)


def turned(x: Array, positions: NDArray[np.int64], base: float) -> Array:  # [T, K] -> [T, K]
    half = x.shape[1] // 2
    points = x[:, :half] + 1j * x[:, half:]
    speeds = np.array([base ** (-2 * j / x.shape[1]) for j in range(half)])  # radians a position
    points = points * np.exp(1j * positions[:, None] * speeds)
    return np.concatenate([points.real, points.imag], axis=1)


def attention(x: Array, w: Trace, n_head: int, base: float) -> tuple[Array, Trace]:
    q, k, v = (np.split(x @ w[f"c_{name}.weight"], n_head, axis=1) for name in "qkv")
    places = np.arange(len(x))
    q, k = ([turned(rms_norm(one), places, base) for one in heads] for heads in (q, k))
    heads = [head(q[i], k[i], v[i]) for i in range(n_head)]
    seen = {name: np.stack([one[name] for one in heads]) for name in heads[0]}
    seen |= {"q": np.stack(q), "k": np.stack(k), "v": np.stack(v)}
    return np.concatenate([one["z"] for one in heads], axis=1) @ w["c_proj.weight"], seen


def mlp(x: Array, w: Trace) -> tuple[Array, Trace]:  # [T, D] -> [T, D]
    pre = x @ w["c_fc.weight"]
    post = np.where(pre > 0, pre**2, 0.0)
    return post @ w["c_proj.weight"], {"pre": pre, "post": post}


def block(x: Array, w: Trace, n_head: int, base: float) -> tuple[Array, Trace]:
    ln_1 = rms_norm(x)
    attn_out, in_attention = attention(ln_1, below(w, "attn"), n_head, base)
    mid = x + attn_out
    ln_2 = rms_norm(mid)
    mlp_out, in_mlp = mlp(ln_2, below(w, "mlp"))
    post = mid + mlp_out
    seen = {"resid_pre": x, "ln_1": ln_1, "attn_out": attn_out, "resid_mid": mid}
    seen |= {"ln_2": ln_2, "mlp_out": mlp_out, "resid_post": post}
    return post, seen | above(in_attention, "attn") | above(in_mlp, "mlp")


def modern(ids: list[int], w: Trace, n_head: int, base: float) -> Trace:  # [T] -> all values
    """Every intermediate value of one forward pass, under the names of the model's taps."""
    w = {name: np.asarray(value, dtype=np.float64) for name, value in w.items()}
    n_layer = len({name.split(".")[1] for name in w if name.startswith("h.")})
    seen: Trace = {"wte": w["wte.weight"][ids]}
    x = rms_norm(seen["wte"])
    for i in range(n_layer):
        x, in_block = block(x, below(w, f"h.{i}"), n_head, base)
        seen |= above(in_block, f"h.{i}")
    seen["ln_f"] = rms_norm(x)
    seen["logits"] = seen["ln_f"] @ w["lm_head.weight"].T  # [T, V]
    return seen
