"""The Transformer-Decoder in numpy and float64: token by token, key by key, as it is written down.

Liu et al. 2018, section 4.2.4; positions are those of Vaswani et al. 2017, section 3.5.
"""

import math

import numpy as np

from oracle.gpt2_numpy import Array, Trace, above, affine, below, layer_norm, softmax


def waves(n: int, width: int) -> Array:  # -> [T, D]
    table = np.zeros((n, width))
    for position in range(n):
        for i in range(width // 2):
            angle = position / 10000 ** (2 * i / width)
            table[position, 2 * i], table[position, 2 * i + 1] = math.sin(angle), math.cos(angle)
    return table


def blend(q: Array, keys: list[Array], values: list[Array]) -> Array:  # [K], n of [K] x 2 -> [K]
    scores = np.array([q @ key for key in keys]) / np.sqrt(len(q))
    return softmax(scores[None])[0] @ np.stack(values)


def slot(x: Array, at: int, weight: Array, bias: Array) -> Array:  # [T, D], [R D, D], [D] -> [D]
    stride = len(weight) // len(bias)
    kernel = weight.reshape(stride, len(bias), len(bias))  # position in the slot, in, out
    return sum((x[at * stride + i] @ kernel[i] for i in range(stride)), bias)


def attention(x: Array, w: Trace, n_head: int, letter: str, block: int) -> Array:  # [T, D] -> same
    q, k, v = np.split(affine(x, w["c_attn.weight"], w["c_attn.bias"]), 3, axis=1)
    T, D = x.shape
    z = np.zeros((T, D))
    for t in range(T):
        keys, values = list(k[: t + 1]), list(v[: t + 1])
        if letter == "l":
            begin = t // block * block
            keys, values = keys[begin:], values[begin:]
        if letter == "m":
            stride = len(w["compress_k.weight"]) // D
            keys, values, at = [w["null_k"]], [w["null_v"]], 0
            while stride * at + stride - 1 <= t:
                keys.append(slot(k, at, w["compress_k.weight"], w["compress_k.bias"]))
                values.append(slot(v, at, w["compress_v.weight"], w["compress_v.bias"]))
                at += 1
        for h in range(n_head):
            part = slice(h * D // n_head, (h + 1) * D // n_head)
            own = ([one[part] for one in some] for some in (keys, values))
            z[t, part] = blend(q[t, part], *own)
    return affine(z, w["c_proj.weight"], w["c_proj.bias"])


def decoder(ids: list[int], w: Trace, n_head: int, letters: str, block: int, eps: float) -> Trace:
    """The stream around every part of one forward pass, under the names of the model's taps."""
    w = {name: np.asarray(value, dtype=np.float64) for name, value in w.items()}
    width = w["wte.weight"].shape[1]
    seen: Trace = {"wte": w["wte.weight"][ids] * np.sqrt(width), "wpe": waves(len(ids), width)}
    x = seen["wte"] + seen["wpe"]
    for i, letter in enumerate(letters):
        own = below(w, f"h.{i}")
        ln_1 = layer_norm(x, own["ln_1.weight"], own["ln_1.bias"], eps)
        attn_out = attention(ln_1, below(own, "attn"), n_head, letter, block)
        mid = x + attn_out
        ln_2 = layer_norm(mid, own["ln_2.weight"], own["ln_2.bias"], eps)
        pre = affine(ln_2, own["mlp.c_fc.weight"], own["mlp.c_fc.bias"])
        mlp_out = affine(np.maximum(pre, 0), own["mlp.c_proj.weight"], own["mlp.c_proj.bias"])
        values = {"resid_pre": x, "attn_out": attn_out, "resid_mid": mid, "mlp_out": mlp_out}
        x = mid + mlp_out
        seen |= above(values | {"resid_post": x}, f"h.{i}")
    seen["ln_f"] = layer_norm(x, w["ln_f.weight"], w["ln_f.bias"], eps)
    seen["logits"] = seen["ln_f"] @ w["wte.weight"].T
    return seen
