"""The Hugging Face layout, which is also ours: ``config.json``, tensors, vocabulary.

The official files name tensors as we do and carry the causal masks as ``h.{i}.attn.bias``; files
saved by ``GPT2LMHeadModel`` have a prefix and perhaps the tied head. All of it is accounted for.
A configuration that asks for another computation than GPT-2's is refused by the name of the key.
"""

import re
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, cast

from cutaway.checkpoints.folder import Folder, is_plain_name, shown
from cutaway.checkpoints.found import Found
from cutaway.checkpoints.names import HUGGINGFACE
from cutaway.checkpoints.quantized_file import accounted_codes, quantization_to_json, read_bits
from cutaway.checkpoints.safetensors_file import open_safetensors
from cutaway.checkpoints.stored import Stored, accounted, check_size
from cutaway.errors import (
    ConfigError,
    CorruptCheckpoint,
    KeyMismatch,
    MissingWeights,
    UnsafeCheckpoint,
)
from cutaway.models import GPT2Config
from cutaway.numbers import Bits, Kind

__all__ = ["config_to_json", "find_huggingface", "read_config", "unprefixed"]

_PREFIXES = ("module.", "_orig_mod.", "transformer.")
_MASK = re.compile(r"h\.\d+\.attn\.(bias|masked_bias)")
_HEAD = "lm_head.weight"
_TANH_GELU = ("gelu_new", "gelu_pytorch_tanh", "gelu_fast")
_MAX_SHARDS = 1000

_Reader = Callable[[Path], dict[str, Stored]]


class _Fact(NamedTuple):
    """What a key may say, and what its absence means."""

    default: object
    accepted: tuple[object, ...]


def _only(value: object) -> _Fact:
    return _Fact(value, (value,))


_FACTS = {
    "model_type": _only("gpt2"),
    "activation_function": _Fact("gelu_new", _TANH_GELU),
    "scale_attn_weights": _only(True),
    "scale_attn_by_inverse_layer_idx": _only(False),
    "tie_word_embeddings": _only(True),
    "add_cross_attention": _only(False),
    "is_encoder_decoder": _only(False),
    "pruned_heads": _Fact(None, (None, {})),
}
_FIELDS = {
    "vocab_size": "vocab_size",
    "n_positions": "n_ctx",
    "n_embd": "n_embd",
    "n_layer": "n_layer",
    "n_head": "n_head",
    "layer_norm_epsilon": "layer_norm_epsilon",
    "resid_pdrop": "dropout",
}


def find_huggingface(folder: Folder, *, allow_pickle: bool, weights: str | None = None) -> Found:
    """The checkpoint in a directory with a ``config.json``; no tensor is read.

    Args:
        folder: the directory.
        allow_pickle: whether ``pytorch_model.bin`` may be read.
        weights: the file to read instead of the usual ones.
    """
    config, bits = _read_config(folder)
    where = str(folder.path)
    paths, stored = _tensors(folder, allow_pickle, weights)
    tensors, head = unprefixed(stored, where)
    n_bytes = sum(path.stat().st_size for path in paths)
    check_size(config, tensors.values(), where, n_bytes=n_bytes)
    if bits is None:
        ours = accounted(HUGGINGFACE, config, tensors, where)
    else:
        ours = accounted_codes(config, tensors, where, bits=bits)
    return Found("huggingface", config, ours, folder, head=head, bits=bits)


def read_config(folder: Folder) -> GPT2Config:
    """The size that ``config.json`` states.

    Raises:
        KeyMismatch: if it states another architecture or quantization, naming the key.
        UnsafeCheckpoint: if it asks for code of its own.
        CorruptCheckpoint: if a size is missing or impossible.
    """
    return _read_config(folder)[0]


def _read_config(folder: Folder) -> tuple[GPT2Config, Bits | None]:
    """The size, and the bits of the codes if weights are quantized."""
    fields, where = folder.json("config.json"), folder.path / "config.json"
    if "auto_map" in fields:
        raise UnsafeCheckpoint(
            f"{where} has auto_map: the model comes with code of its own.",
            "Cutaway never runs code from a checkpoint.",
        )
    for key, fact in _FACTS.items():
        value = fields.get(key, fact.default)
        if value not in fact.accepted:
            raise KeyMismatch(
                f"{where} has {key} = {str(value)[:80]!r}; GPT-2 has {fact.default!r}.",
                "This is another architecture.",
            )
    try:
        config = GPT2Config.from_dict({ours: fields[key] for key, ours in _given(fields, where)})
    except ConfigError as error:
        raise CorruptCheckpoint(f"{where}: {shown(error.what, limit=200)}", error.hint) from error
    for key, right in (("n_inner", config.n_inner), ("n_ctx", config.n_ctx)):
        if fields.get(key) not in (None, right):
            raise KeyMismatch(
                f"{where} has {key} = {shown(fields[key])}; here GPT-2 has {right}.",
                "This is another architecture.",
            )
    return config, read_bits(fields, where)


def _given(fields: dict[str, Any], where: Path) -> list[tuple[str, str]]:
    """The keys that are there; all sizes must be."""
    missing = [key for key in list(_FIELDS)[:5] if key not in fields]
    if missing:
        raise CorruptCheckpoint(
            f"{where} lacks {', '.join(missing)}.", "Not the config.json of a GPT-2."
        )
    return [(key, ours) for key, ours in _FIELDS.items() if key in fields]


def config_to_json(
    config: GPT2Config, *, kind: Kind, eot: int | None, bits: Bits | None = None
) -> dict[str, Any]:
    """What ``config.json`` says of a model of ours; transformers reads it too."""
    fields = config.to_dict()
    sizes = {key: fields[ours] for key, ours in _FIELDS.items()}
    quantization = {} if bits is None else {"quantization_config": quantization_to_json(bits)}
    return {
        "architectures": ["GPT2LMHeadModel"],
        "model_type": "gpt2",
        "activation_function": "gelu_new",
        **sizes,
        "n_inner": None,
        "attn_pdrop": config.dropout,
        "embd_pdrop": config.dropout,
        "bos_token_id": eot,
        "eos_token_id": eot,
        "tie_word_embeddings": True,
        "dtype": kind.name,
        **quantization,
    }


def unprefixed(tensors: dict[str, Stored], where: str) -> tuple[dict[str, Stored], Stored | None]:
    """Names without wrappers' prefixes, without mask buffers; and the head, which must be tied.

    Raises:
        KeyMismatch: if two names become one.
    """
    plain: dict[str, Stored] = {}
    for name, tensor in tensors.items():
        short = name
        while short.startswith(_PREFIXES):
            short = short.split(".", 1)[1]
        if short in plain:
            raise KeyMismatch(
                f"{where} has {shown(short)} twice, under different prefixes.",
                "Remove one of the two models.",
            )
        if not _MASK.fullmatch(short):
            plain[short] = tensor
    return plain, plain.pop(_HEAD, None)


def _tensors(
    folder: Folder, allow_pickle: bool, weights: str | None
) -> tuple[list[Path], dict[str, Stored]]:
    """The files with the tensors, and the tensors."""
    readers: dict[str, _Reader] = {"model.safetensors": open_safetensors}
    readers["pytorch_model.bin"] = partial(_open_bin, allow_pickle)
    if weights is not None:
        readers = {weights: open_safetensors}
    for name, read in readers.items():
        if folder.has(name):
            path = folder.file(name)
            return [path], read(path)
        if folder.has(f"{name}.index.json"):
            return _sharded(folder, f"{name}.index.json", read)
    raise MissingWeights(
        f"{folder.path} has a config.json but no model.safetensors.",
        "Put model.safetensors beside it, or its shards and model.safetensors.index.json.",
    )


def _open_bin(allow_pickle: bool, path: Path) -> dict[str, Stored]:
    if not allow_pickle:
        raise UnsafeCheckpoint(
            f"{path} is a pickle, which can run code.",
            "Prefer model.safetensors. If you trust the file, allow pickle (allow_pickle=True).",
        )
    from cutaway.checkpoints.torch_file import open_bin

    return open_bin(path)


def _sharded(folder: Folder, index: str, read: _Reader) -> tuple[list[Path], dict[str, Stored]]:
    where, places = folder.path / index, folder.json(index).get("weight_map")
    if not isinstance(places, dict) or not places:
        raise CorruptCheckpoint(f"{where} has no weight_map.", "The file is damaged.")
    shard_of = cast(dict[str, object], places)
    odd = [shard for shard in shard_of.values() if not is_plain_name(shard)]
    shards = set(map(str, shard_of.values()))
    if odd or len(shards) > _MAX_SHARDS:
        raise UnsafeCheckpoint(
            f"{where} refers to {str(odd[0])[:80]!r}." if odd else f"{where} has too many shards.",
            "Shards must be files in the same directory, with plain names.",
        )
    tensors: dict[str, Stored] = {}
    paths = [folder.file(shard) for shard in sorted(shards)]
    for shard, path in zip(sorted(shards), paths, strict=True):
        found = read(path)
        wrong = found.keys() ^ {name for name, its in shard_of.items() if its == shard}
        if wrong:
            raise KeyMismatch(
                f"{shard} and {where} disagree about {sorted(wrong)[0][:80]!r}.",
                "The shards do not belong together; fetch them again.",
            )
        tensors |= found
    return paths, tensors
