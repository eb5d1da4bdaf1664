"""ONNX Runtime, dynamic int8: optimum's export with past keys and values, bound in place.

The export's Gemm nodes, which ONNX Runtime does not quantise, become MatMul and Add. As in the
other engines the head reads the last position only, except where every position is scored.
"""

# What it drives is installed in its own environment, if anywhere.
# pyright: reportMissingImports=false

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np

from cutaway.benchmarking.workers.logprobs import logprobs_of_next
from cutaway.benchmarking.workers.serve import Decoded, Job, finished, main


def prepare(job: Job) -> None:
    """Converts the weights, unless that is done."""
    home = folder(job)
    if home.exists():
        return
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    task = ["--task", "text-generation-with-past", "--no-post-process"]
    exporter = str(Path(sys.executable).with_name("optimum-cli"))
    with finished(home) as made:
        export = [exporter, "export", "onnx", "-m", str(job.model), *task, str(made)]
        subprocess.run(export, check=True)
        for name in ("last", "every"):
            model = onnx.load(made / "model.onnx")
            gemm_to_matmul(model.graph)
            if name == "last":
                keep_last(model.graph)
            onnx.save(model, made / "plain.onnx")
            quantize_dynamic(
                made / "plain.onnx",
                made / f"{name}.onnx",
                weight_type=QuantType.QInt8,
                per_channel=True,
                extra_options={"MatMulConstBOnly": True},
            )
        for name in ("model", "plain"):
            (made / f"{name}.onnx").unlink()


def folder(job: Job) -> Path:
    """Where what was converted is kept."""
    return job.work / "onnxruntime-models" / job.format


def gemm_to_matmul(graph: Any) -> None:
    """Replaces each Gemm by a MatMul, which is quantised, and an Add."""
    from onnx import helper

    nodes = []
    for node in graph.node:
        if node.op_type == "Gemm":
            product = f"{node.output[0]}_product"
            nodes += [
                helper.make_node("MatMul", node.input[:2], [product], f"{node.name}_MatMul"),
                helper.make_node("Add", [product, node.input[2]], node.output, f"{node.name}_Add"),
            ]
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def keep_last(graph: Any) -> None:
    """Cuts the input of the head, the product that gives the logits, to the last position."""
    from onnx import helper, numpy_helper

    (index,) = [i for i, node in enumerate(graph.node) if "logits" in node.output]
    head = graph.node[index]
    values = {"starts": [-1], "ends": [2**31 - 1], "axes": [1]}
    for name, value in values.items():
        graph.initializer.append(numpy_helper.from_array(np.array(value), f"last_{name}"))
    inputs = [head.input[0], *(f"last_{name}" for name in values)]
    head.input[0] = "last_hidden"
    graph.node.insert(index, helper.make_node("Slice", inputs, ["last_hidden"], "last"))


class OnnxRuntime:
    """Two sessions, one with the logits of the last position and one with all."""

    def __init__(self, job: Job) -> None:
        self._job, self._every, self._shape = job, None, job.shape
        self._last = self._session("last")
        self.settings: dict[str, Any] = {
            "intra_op_num_threads": job.threads,
            "spinning": job.settings.get("spinning", "0"),
        }

    def _session(self, name: str) -> Any:
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self._job.threads
        spinning = self._job.settings.get("spinning", "0")
        options.add_session_config_entry("session.intra_op.allow_spinning", spinning)
        path = str(folder(self._job) / f"{name}.onnx")
        return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])

    def _feed(self, session: Any, tokens: np.ndarray, past: list[Any]) -> list[Any]:
        """Logits and the present keys and values, as ONNX Runtime's own tensors."""
        import onnxruntime

        value = onnxruntime.OrtValue.ortvalue_from_numpy
        n_rows, n_new = tokens.shape
        n_past = past[0].shape()[2] if past else 0
        if not past:
            n_head = self._shape.n_head
            none = value(np.zeros((n_rows, n_head, 0, self._shape.n_embd // n_head), np.float32))
            past = [none] * (2 * self._shape.n_layer)
        positions = np.arange(n_past, n_past + n_new, dtype=np.int64)[None].repeat(n_rows, 0)
        binding = session.io_binding()
        mask = np.ones((n_rows, n_past + n_new), np.int64)
        for name, array in (
            ("input_ids", tokens),
            ("attention_mask", mask),
            ("position_ids", positions),
        ):
            binding.bind_ortvalue_input(name, value(array))
        for index, held in enumerate(past):
            kind = "value" if index % 2 else "key"
            binding.bind_ortvalue_input(f"past_key_values.{index // 2}.{kind}", held)
        for output in session.get_outputs():
            binding.bind_output(output.name, "cpu")
        session.run_with_iobinding(binding)
        return binding.get_outputs()

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        """Greedy texts: :meth:`serve.Engine.decode`."""
        logits, *past = self._feed(self._last, np.array(prompts, np.int64), [])
        chosen = [logits.numpy()[:, -1].argmax(-1)]
        started = time.perf_counter()
        for _ in range(new - 1):
            logits, *past = self._feed(self._last, chosen[-1][:, None], past)
            chosen.append(logits.numpy()[:, -1].argmax(-1))
        seconds = time.perf_counter() - started
        return Decoded(np.stack(chosen, 1).tolist(), seconds)

    def prefill(self, ids: list[int]) -> Any:
        """The logits of the last position."""
        return self._feed(self._last, np.array([ids], np.int64), [])[0].numpy()[0, -1]

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        if self._every is None:
            self._every = self._session("every")
        logits = self._feed(self._every, np.array([ids], np.int64), [])[0].numpy()[0]
        return logprobs_of_next(logits, ids, self._job.threads)


if __name__ == "__main__":
    main(prepare, OnnxRuntime)
