"""The Music Transformer in numpy and float64: query by query, key by key, as it is written down.

Huang et al. 2019, sections 3.4 and 3.5; positions are those of Vaswani et al. 2017, section 3.5.
"""

import numpy as np

from oracle.gpt2_numpy import Array, Trace, above, affine, below, layer_norm, softmax
from oracle.transformer_decoder_numpy import waves


def distance_vector(relative: Array, distance: int) -> Array:  # [R, K] -> [K]
    """The rows go from the farthest distance to 0; what is farther has the first one."""
    return relative[max(len(relative) - 1 - distance, 0)]


def attention(x: Array, w: Trace, n_head: int, window: int) -> Array:  # [T, D] -> same
    q, k, v = (x @ w[f"{name}.weight"] for name in ("c_q", "c_k", "c_v"))
    T, A = q.shape
    K = A // n_head
    z = np.zeros((T, A))
    for h in range(n_head):
        part = slice(h * K, (h + 1) * K)
        for t in range(T):
            begin = max(t // window - 1, 0) * window if window else 0
            scores = np.zeros(t + 1 - begin)
            for s in range(begin, t + 1):
                score = q[t, part] @ k[s, part]
                if "relative" in w:
                    score += q[t, part] @ distance_vector(w["relative"][h], t - s)
                scores[s - begin] = score / np.sqrt(K)
            z[t, part] = softmax(scores[None])[0] @ v[begin : t + 1, part]
    return z @ w["c_proj.weight"]


def decoder(ids: list[int], w: Trace, n_head: int, n_layer: int, window: int, eps: float) -> Trace:
    """The stream around every part of one forward pass, under the names of the model's taps."""
    w = {name: np.asarray(value, dtype=np.float64) for name, value in w.items()}
    width = w["wte.weight"].shape[1]
    seen: Trace = {"wte": w["wte.weight"][ids] * np.sqrt(width), "wpe": waves(len(ids), width)}
    x = seen["wte"] + seen["wpe"]
    for i in range(n_layer):
        own = below(w, f"h.{i}")
        ln_1 = layer_norm(x, own["ln_1.weight"], own["ln_1.bias"], eps)
        attn_out = attention(ln_1, below(own, "attn"), n_head, window)
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
