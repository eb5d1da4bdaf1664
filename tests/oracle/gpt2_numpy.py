"""GPT-2 in numpy and float64, one sequence at a time: the judge of the model in torch.

It shares no code and no library with the package and follows the formulas, not the speed: heads
one by one, no cache, no fusion. Each signature carries the shapes of what goes in and comes out.
Parameters go by their names in a checkpoint, with matrices stored (in, out).
"""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Trace = dict[str, Array]


def gelu(x: Array) -> Array:  # [any] -> [any]
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


def softmax(x: Array) -> Array:  # [any, n] -> [any, n]
    e = np.exp(x - x.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def layer_norm(x: Array, g: Array, b: Array, eps: float) -> Array:  # [T, D], [D], [D] -> [T, D]
    mean = x.mean(axis=-1, keepdims=True)
    variance = ((x - mean) ** 2).mean(axis=-1, keepdims=True)
    return g * (x - mean) / np.sqrt(variance + eps) + b


def affine(x: Array, w: Array, b: Array) -> Array:  # [T, in], [in, out], [out] -> [T, out]
    return x @ w + b


def head(q: Array, k: Array, v: Array) -> Trace:  # [T, K] x 3 -> scores, pattern [T, T]; z [T, K]
    n = len(q)
    scores = q @ k.T / np.sqrt(q.shape[1])
    future = np.arange(n)[None, :] > np.arange(n)[:, None]
    pattern = softmax(np.where(future, -np.inf, scores))
    return {"scores": scores, "pattern": pattern, "z": pattern @ v}


def attention(x: Array, w: Trace, n_head: int) -> tuple[Array, Trace]:  # [T, D] -> [T, D]
    qkv = affine(x, w["c_attn.weight"], w["c_attn.bias"])  # [T, 3D]
    q, k, v = (np.split(part, n_head, axis=1) for part in np.split(qkv, 3, axis=1))  # H of [T, K]
    heads = [head(q[i], k[i], v[i]) for i in range(n_head)]
    seen = {name: np.stack([one[name] for one in heads]) for name in heads[0]}
    seen |= {"qkv": qkv, "q": np.stack(q), "k": np.stack(k), "v": np.stack(v)}
    merged = np.concatenate([one["z"] for one in heads], axis=1)  # [T, D]
    return affine(merged, w["c_proj.weight"], w["c_proj.bias"]), seen


def mlp(x: Array, w: Trace) -> tuple[Array, Trace]:  # [T, D] -> [T, D]
    pre = affine(x, w["c_fc.weight"], w["c_fc.bias"])  # [T, F]
    post = gelu(pre)
    return affine(post, w["c_proj.weight"], w["c_proj.bias"]), {"pre": pre, "post": post}


def block(x: Array, w: Trace, n_head: int, eps: float) -> tuple[Array, Trace]:  # [T, D] -> [T, D]
    ln_1 = layer_norm(x, w["ln_1.weight"], w["ln_1.bias"], eps)
    attn_out, in_attention = attention(ln_1, below(w, "attn"), n_head)
    mid = x + attn_out
    ln_2 = layer_norm(mid, w["ln_2.weight"], w["ln_2.bias"], eps)
    mlp_out, in_mlp = mlp(ln_2, below(w, "mlp"))
    post = mid + mlp_out
    seen = {"resid_pre": x, "ln_1": ln_1, "attn_out": attn_out, "resid_mid": mid}
    seen |= {"ln_2": ln_2, "mlp_out": mlp_out, "resid_post": post}
    return post, seen | above(in_attention, "attn") | above(in_mlp, "mlp")


def gpt2(ids: list[int], w: Trace, n_head: int, eps: float = 1e-5) -> Trace:  # [T] -> all values
    """Every intermediate value of one forward pass, under the names of the model's taps."""
    w = {name: np.asarray(value, dtype=np.float64) for name, value in w.items()}
    n_layer = len({name.split(".")[1] for name in w if name.startswith("h.")})
    wte, wpe = w["wte.weight"][ids], w["wpe.weight"][: len(ids)]  # [T, D] x 2
    seen: Trace = {"wte": wte, "wpe": wpe}
    x = wte + wpe
    for i in range(n_layer):
        x, in_block = block(x, below(w, f"h.{i}"), n_head, eps)
        seen |= above(in_block, f"h.{i}")
    seen["ln_f"] = layer_norm(x, w["ln_f.weight"], w["ln_f.bias"], eps)
    seen["logits"] = seen["ln_f"] @ w["wte.weight"].T  # [T, V]
    return seen


def below(w: Trace, scope: str) -> Trace:
    return {k.removeprefix(f"{scope}."): v for k, v in w.items() if k.startswith(f"{scope}.")}


def above(seen: Trace, scope: str) -> Trace:
    return {f"{scope}.{name}": value for name, value in seen.items()}
