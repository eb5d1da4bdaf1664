"""OpenVINO: stateful model from optimum-intel, weights compressed by NNCF.

The head is cut to the last position before its product, as OpenVINO GenAI does it, except where
every position is scored.

Batches of exactly two and four come out wrong with compressed weights on AVX-512 without AMX
(2026.4.1: the later rows read as zeros); one, three, and five and more are right.
"""

# What it drives is installed in its own environment, if anywhere.
# pyright: reportMissingImports=false

import time
from pathlib import Path
from typing import Any

import numpy as np

from cutaway.benchmarking.workers.serve import Decoded, Job, finished, main


def prepare(job: Job) -> None:
    """Converts the weights, unless that is done."""
    from optimum.intel import OVModelForCausalLM, OVWeightQuantizationConfig

    home = folder(job)
    if home.exists():
        return
    compression = {
        "bf16": None,
        "int8": OVWeightQuantizationConfig(bits=8, sym=True),
        "int4": OVWeightQuantizationConfig(bits=4, group_size=64, sym=True, ratio=1.0),
        "int4-all": OVWeightQuantizationConfig(
            bits=4, group_size=64, sym=True, ratio=1.0, all_layers=True
        ),
    }[job.format]
    how: dict[str, Any] = (
        {"quantization_config": compression} if compression else {"load_in_8bit": False}
    )
    model = OVModelForCausalLM.from_pretrained(
        job.model, export=True, compile=False, stateful=True, **how
    )
    with finished(home) as partial:
        model.save_pretrained(partial)


def folder(job: Job) -> Path:
    """Where what was converted is kept."""
    return job.work / "openvino-models" / job.format


def keep_last(model: Any) -> None:
    """Cuts the head's input to the last position."""
    from openvino import opset13 as ops

    head = model.output("logits").get_node().input_value(0).get_node()
    while head.get_type_name() != "MatMul":
        head = head.input_value(0).get_node()
    last = ops.slice(head.input_value(0), [-1], [2**31 - 1], [1], [1])
    head.input(0).replace_source_output(last.output(0))
    model.validate_nodes_and_infer_types()


def keep_logprobs(model: Any) -> None:
    """Replaces the logits by the log-probability of each next token of ``input_ids``."""
    from openvino import opset13 as ops

    logits = model.output("logits").get_node().input_value(0)
    logprobs = ops.log_softmax(logits, axis=2)
    ids = ops.unsqueeze(model.input("input_ids").get_node(), [2])
    following = ops.concat(
        [ops.slice(ids, [1], [2**31 - 1], [1], [1]), ops.slice(ids, [0], [1], [1], [1])], 1
    )
    found = ops.gather_elements(logprobs, following, 2)
    model.output("logits").get_node().input(0).replace_source_output(found.output(0))
    model.validate_nodes_and_infer_types()


class OpenVINO:
    """Two compiled graphs: the logits of the last position, and log-probabilities."""

    def __init__(self, job: Job) -> None:
        import openvino

        self._core, self._job = openvino.Core(), job
        self._config = {
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": job.threads,
            "INFERENCE_PRECISION_HINT": "bf16",
            **job.settings,
        }
        self._path = folder(job) / "openvino_model.xml"
        self._last = self._compiled(keep_last)
        self._scorer: Any = None
        self.settings = {key: str(value) for key, value in self._config.items()}

    def _compiled(self, change: Any) -> Any:
        model = self._core.read_model(self._path)
        change(model)
        return self._core.compile_model(model, "CPU", self._config).create_infer_request()

    def _feed(self, request: Any, tokens: np.ndarray, past: int) -> np.ndarray:
        n_rows, n_new = tokens.shape
        positions = np.arange(past, past + n_new, dtype=np.int64)[None].repeat(n_rows, 0)
        request.infer(
            {
                "input_ids": tokens,
                "attention_mask": np.ones((n_rows, past + n_new), np.int64),
                "position_ids": positions,
                "beam_idx": np.arange(n_rows, dtype=np.int32),
            },
            share_inputs=True,
            share_outputs=True,
        )
        return request.get_output_tensor(0).data

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        """Greedy texts: :meth:`serve.Engine.decode`."""
        self._last.reset_state()
        tokens = np.array(prompts, np.int64)
        logits = self._feed(self._last, tokens, 0)
        chosen = [logits[:, -1].argmax(-1)]
        started = time.perf_counter()
        for step in range(new - 1):
            past = tokens.shape[1] + step
            logits = self._feed(self._last, chosen[-1][:, None], past)
            chosen.append(logits[:, -1].argmax(-1))
        seconds = time.perf_counter() - started
        return Decoded(np.stack(chosen, 1).tolist(), seconds)

    def prefill(self, ids: list[int]) -> Any:
        """The logits of the last position."""
        self._last.reset_state()
        return self._feed(self._last, np.array([ids], np.int64), 0)[0, -1]

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        if self._scorer is None:
            self._scorer = self._compiled(keep_logprobs)
        self._scorer.reset_state()
        return self._feed(self._scorer, np.array([ids], np.int64), 0)[0, :-1, 0].tolist()


if __name__ == "__main__":
    main(prepare, OpenVINO)
