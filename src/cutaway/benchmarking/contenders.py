"""Who takes part: every engine at every width it has, with the settings that make it fastest."""

from dataclasses import dataclass, field
from typing import Any

__all__ = [
    "CONTENDERS",
    "NEEDS",
    "OURS",
    "READABLE",
    "WEIGHT_ONLY",
    "WIDTHS",
    "Contender",
    "chosen",
]

OURS = "Cutaway"
WIDTHS = ("int4", "int8", "bf16", "fp32")


@dataclass(frozen=True)
class Contender:
    """An engine in one format.

    Attributes:
        engine: its name, ``OURS`` for ours.
        width: of its weights; only contenders of one width are compared.
        module: of the worker.
        environment: that it is given in `benchmarks/engine`; empty for that of the driver.
        format: what the worker calls the format.
        note: which variant, where an engine has several of one width.
        settings: for the worker.
    """

    engine: str
    width: str
    module: str
    environment: str
    format: str
    note: str = ""
    settings: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def name(self) -> str:
        """To show."""
        name = f"{self.engine} {self.width}".strip()
        return f"{name} ({self.note})" if self.note else name


# Default precision of activations is bfloat16 where the processor has it: best for one text and
# for prompts. float32 with groups of 64 is better for batches.
_FLOAT = {"INFERENCE_PRECISION_HINT": "f32", "DYNAMIC_QUANTIZATION_GROUP_SIZE": "64"}

CONTENDERS = (
    *(
        Contender(OURS, w, "cutaway", "", f)
        for w, f in zip(WIDTHS, ("int4", "int8", "bfloat16", "float32"), strict=True)
    ),
    Contender("OpenVINO", "int4", "openvino", "openvino", "int4", "int8 head"),
    Contender("OpenVINO", "int4", "openvino", "openvino", "int4-all", "all int4"),
    Contender("OpenVINO", "int4", "openvino", "openvino", "int4-all", "all int4, f32", _FLOAT),
    Contender("OpenVINO", "int8", "openvino", "openvino", "int8"),
    Contender("OpenVINO", "int8", "openvino", "openvino", "int8", "f32", _FLOAT),
    Contender("OpenVINO", "bf16", "openvino", "openvino", "bf16"),
    Contender("llama.cpp", "int4", "llama_cpp", "llama", "q4_0", "Q4_0, Q6_K head"),
    Contender("llama.cpp", "int4", "llama_cpp", "llama", "q4_0-pure", "Q4_0, all"),
    Contender("llama.cpp", "int8", "llama_cpp", "llama", "q8_0", "Q8_0"),
    Contender("llama.cpp", "bf16", "llama_cpp", "llama", "bf16"),
    Contender("ONNX Runtime", "int8", "onnxruntime", "onnxruntime", "int8"),
    Contender("CTranslate2", "int8", "ctranslate2", "ctranslate2", "int8"),
    Contender("CTranslate2", "bf16", "ctranslate2", "ctranslate2", "bf16"),
    Contender("transformers", "bf16", "transformers", "transformers", "bf16"),
    Contender("transformers", "fp32", "transformers", "transformers", "fp32"),
)
WEIGHT_ONLY = Contender(OURS, "int8", "cutaway", "", "int8_weight_only", "weights only")
READABLE = Contender(OURS, "fp32", "cutaway", "", "readable", "readable model")

NEEDS = {
    "transformers": ("transformers", "torch"),
    "openvino": ("openvino", "optimum.intel", "nncf"),
    "llama_cpp": ("llama_cpp", "gguf"),
    "onnxruntime": ("onnxruntime", "onnx", "optimum.onnxruntime"),
    "ctranslate2": ("ctranslate2", "transformers", "torch"),
}
"""What each worker of a peer imports, to convert the weights or to run; first the engine itself."""

AS_IT_IS = {"cutaway", "transformers", "memory"}
"""Workers that take the checkpoint without a conversion."""


def chosen(names: list[str] | None, widths: list[str] | None) -> list[Contender]:
    """Those whose engine's name begins with one of ``names``, in the widths asked for."""
    wanted = [name.lower() for name in names or [""]]
    return [
        one
        for one in CONTENDERS
        if any(one.engine.lower().startswith(name) for name in wanted)
        and (not widths or one.width in widths)
    ]
