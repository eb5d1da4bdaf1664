"""What ``adapter_config.json`` of PEFT says of a LoRA, and which of it is understood.

The keys are those of ``peft.LoraConfig`` (0.21). A key that asks for another computation is refused
by its name; so is one that is not known, unless it says that it is not in use.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from cutaway.checkpoints.folder import shown
from cutaway.errors import CorruptCheckpoint, KeyMismatch

__all__ = ["PeftConfig", "config_to_json", "read_peft_config"]

# These say how it was trained, for whom, or by what: the tensors tell the rest.
_TOLD = {
    "alpha_pattern", "auto_mapping", "base_model_name_or_path", "bias", "ensure_weight_tying",
    "exclude_modules", "fan_in_fan_out", "inference_mode", "init_lora_weights", "layers_pattern",
    "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core", "peft_type",
    "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "target_modules",
    "task_type", "use_rslora",
}  # fmt: skip
# Ways to begin that leave the base's weights as they are; others (pissa, olora, ...) change them.
_BEGINNINGS = (True, False, None, "gaussian", "orthogonal", "eva")
# Names, dots and digits of a regular expression, and nothing that could run for long.
_PATTERN = re.compile(r"\^?(?:\w|\.|\\\.|\\d\+?|\[0-9\]\+?){1,200}\$?")
_MAX_PATTERNS = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class PeftConfig:
    """The numbers of a LoRA.

    Attributes:
        rank: of each module that ``ranks`` does not name.
        alpha: of each module that ``alphas`` does not name.
        rank_stabilised: whether the scale is ``alpha / sqrt(rank)`` (Kalajdzievski 2023).
        ranks: by a pattern of the module's name.
        alphas: by a pattern of the module's name.
    """

    rank: int
    alpha: float
    rank_stabilised: bool
    ranks: Mapping[str, float]
    alphas: Mapping[str, float]

    def rank_of(self, module: str) -> float:
        """The rank of a module; the first pattern that fits decides, as in PEFT."""
        return _first(self.ranks, module, self.rank)

    def scale_of(self, module: str) -> float:
        """What the product of its two matrices is multiplied by."""
        rank = self.rank_of(module)
        return _first(self.alphas, module, self.alpha) / (
            math.sqrt(rank) if self.rank_stabilised else rank
        )


def read_peft_config(fields: Mapping[str, Any], where: Path) -> PeftConfig:
    """The numbers, if nothing else is asked for.

    Raises:
        KeyMismatch: naming the key that asks for what is not done here.
        CorruptCheckpoint: if a number is none.
    """
    _only(fields, "peft_type", ("LORA",), where)
    _only(fields, "bias", ("none", None), where)
    _only(fields, "init_lora_weights", _BEGINNINGS, where)
    for key, value in fields.items():
        if key not in _TOLD and value not in (None, False, {}, []):
            raise _refused(key, value, where)
    rank = _number(fields.get("r", 8), "r", where)
    return PeftConfig(
        rank=int(rank),
        alpha=_number(fields.get("lora_alpha", 8), "lora_alpha", where, least=-math.inf),
        rank_stabilised=bool(fields.get("use_rslora", False)),
        ranks=_patterns(fields, "rank_pattern", where, least=1.0),
        alphas=_patterns(fields, "alpha_pattern", where, least=-math.inf),
    )


def config_to_json(
    *, rank: int, alpha: float, dropout: float, targets: tuple[str, ...], base: str | None
) -> dict[str, Any]:
    """What ``adapter_config.json`` says of a LoRA of ours; PEFT reads it."""
    return {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": rank,
        "lora_alpha": int(alpha) if alpha == int(alpha) else alpha,
        "lora_dropout": dropout,
        "target_modules": list(targets),
        "bias": "none",
        "fan_in_fan_out": True,
        "use_rslora": False,
        "inference_mode": True,
        "init_lora_weights": True,
    }


def _only(fields: Mapping[str, Any], key: str, accepted: tuple[object, ...], where: Path) -> None:
    value = fields.get(key)
    if not any(value is one or (type(value) is type(one) and value == one) for one in accepted):
        raise _refused(key, value, where)


def _refused(key: str, value: object, where: Path) -> KeyMismatch:
    return KeyMismatch(
        f"{where} has {shown(key)} = {shown(repr(value))}, which is not understood here.",
        "Read are plain LoRAs; merge this one with PEFT (merge_and_unload) and load the result.",
    )


def _number(value: object, key: str, where: Path, *, least: float = 1.0) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value):
        number = float(value)
        if number >= least:
            return number
    raise CorruptCheckpoint(f"{where} has {key} = {shown(repr(value))}.", "The file is damaged.")


def _patterns(
    fields: Mapping[str, Any], key: str, where: Path, *, least: float
) -> dict[str, float]:
    found: object = fields.get(key)
    if found is None:
        return {}
    if not isinstance(found, dict) or len(cast(dict[str, object], found)) > _MAX_PATTERNS:
        raise CorruptCheckpoint(f"{where} has {key} = {shown(found)}.", "The file is damaged.")
    patterns = cast(dict[str, object], found)
    odd = [pattern for pattern in patterns if not _PATTERN.fullmatch(pattern)]
    if odd:
        raise _refused(key, odd[0], where)
    return {
        pattern: _number(value, f"{key}[{shown(pattern)}]", where, least=least)
        for pattern, value in patterns.items()
    }


def _first(patterns: Mapping[str, float], module: str, otherwise: float) -> float:
    for pattern, value in patterns.items():
        if re.fullmatch(rf"(.*\.)?({pattern})", module):
            return value
    return otherwise
