"""Names of parameters, ours and other projects': reversible tables, one for each layout."""

from collections.abc import Iterable

from cutaway.errors import KeyMismatch

__all__ = ["TRANSPOSED", "from_tensorflow", "mismatch", "strip_wrappers", "to_tensorflow"]

_WRAPPERS = ("_orig_mod.", "module.", "transformer.")
"""Put before every name by torch.compile, DataParallel, and GPT2LMHeadModel or nanoGPT."""

TRANSPOSED = ("attn.c_attn.weight", "attn.c_proj.weight", "mlp.c_fc.weight", "mlp.c_proj.weight")
"""Stored ``(n_out, n_in)`` by layouts made with ``torch.nn.Linear``."""

_TENSORFLOW = {"weight": "w", "bias": "b"}
_TENSORFLOW_NORM = {"weight": "g", "bias": "b"}


def strip_wrappers(name: str) -> str:
    """The name without what wrappers put before it.

    >>> strip_wrappers("_orig_mod.transformer.h.0.ln_1.weight")
    'h.0.ln_1.weight'
    """
    for prefix in _WRAPPERS:
        name = name.removeprefix(prefix)
    return name


def to_tensorflow(name: str) -> str:
    """OpenAI's variable of a parameter.

    >>> to_tensorflow("h.3.attn.c_attn.weight"), to_tensorflow("ln_f.bias")
    ('model/h3/attn/c_attn/w', 'model/ln_f/b')
    """
    *path, kind = name.split(".")
    if path in (["wte"], ["wpe"]):
        return f"model/{path[0]}"
    if path[0] == "h":
        path = [f"h{path[1]}", *path[2:]]
    table = _TENSORFLOW_NORM if path[-1].startswith("ln_") else _TENSORFLOW
    return "/".join(["model", *path, table[kind]])


def from_tensorflow(names: Iterable[str]) -> dict[str, str]:
    """OpenAI's variable of each of our names: the table by which a bundle is read."""
    return {to_tensorflow(name): name for name in names}


def mismatch(
    missing: Iterable[str], unknown: Iterable[str], *, where: object
) -> KeyMismatch | None:
    """The error for tensors that are not there or have no place; None if there are none."""
    faults = [
        f"{fault} {_listed(sorted(names))}"
        for fault, names in (("lacks", missing), ("has, and GPT-2 has no place for", unknown))
        if names
    ]
    if not faults:
        return None
    return KeyMismatch(
        f"{where} {' and '.join(faults)}.",
        "It is not a GPT-2, or its configuration belongs to another model.",
    )


def _listed(names: list[str]) -> str:
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
