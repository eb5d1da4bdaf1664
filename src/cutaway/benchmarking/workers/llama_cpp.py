"""llama.cpp through llama-cpp-python's low-level binding, built for this machine's processor."""

# What it drives is installed in its own environment, if anywhere.
# pyright: reportMissingImports=false

import ctypes
import json
import time
from pathlib import Path
from typing import Any

import numpy as np

from cutaway.benchmarking.workers.logprobs import logprobs_of_next
from cutaway.benchmarking.workers.serve import Decoded, Job, main

_FILE_TYPES = {"f32": 0, "q4_0": 2, "q8_0": 7, "bf16": 32}
_NAMES = {
    "ln_1": "attn_norm",
    "attn.c_attn": "attn_qkv",
    "attn.c_proj": "attn_output",
    "ln_2": "ffn_norm",
    "mlp.c_fc": "ffn_up",
    "mlp.c_proj": "ffn_down",
}


def prepare(job: Job) -> None:
    """Converts the weights, unless that is done."""
    import llama_cpp as llama

    if file(job).exists():
        return
    plain = file(job).with_stem("f32")
    plain.parent.mkdir(exist_ok=True)
    if not plain.exists():
        write_gguf(job.model, plain.with_suffix(".partial"))
        plain.with_suffix(".partial").rename(plain)
    how = llama.llama_model_quantize_default_params()
    how.ftype, how.nthread = _FILE_TYPES[job.format.split("-")[0]], job.threads
    how.pure = job.format.endswith("-pure")
    partial = file(job).with_suffix(".partial")
    code = llama.llama_model_quantize(str(plain).encode(), str(partial).encode(), ctypes.byref(how))
    if code:
        raise SystemExit(f"llama_model_quantize gave {code}")
    partial.rename(file(job))


def file(job: Job) -> Path:
    """Where what was converted is kept."""
    return job.work / "llama-models" / f"{job.format}.gguf"


def their_name(name: str) -> str:
    """GGUF's name of a tensor of transformers' file."""
    name = name.removeprefix("transformer.")
    fixed = {"wte": "token_embd", "wpe": "position_embd", "ln_f": "output_norm"}
    stem, kind = name.rsplit(".", 1)
    if stem in fixed:
        return f"{fixed[stem]}.{kind}"
    _, layer, part = stem.split(".", 2)
    return f"blk.{layer}.{_NAMES[part]}.{kind}"


def write_gguf(model: Path, path: Path) -> None:
    """All in float32, without a vocabulary: only ids go in and out."""
    import gguf
    from safetensors.numpy import load_file

    config = json.loads((model / "config.json").read_text())
    writer = gguf.GGUFWriter(path, "gpt2")
    writer.add_context_length(config["n_positions"])
    writer.add_embedding_length(config["n_embd"])
    writer.add_block_count(config["n_layer"])
    writer.add_feed_forward_length(4 * config["n_embd"])
    writer.add_head_count(config["n_head"])
    writer.add_layer_norm_eps(config["layer_norm_epsilon"])
    writer.add_vocab_size(config["vocab_size"])
    writer.add_tokenizer_model("no_vocab")
    writer.add_file_type(0)
    for name, tensor in load_file(model / "model.safetensors").items():
        if name != "lm_head.weight" and not name.endswith((".attn.bias", ".attn.masked_bias")):
            conv1d = name.endswith(("c_attn.weight", "c_proj.weight", "c_fc.weight"))
            writer.add_tensor(
                their_name(name), np.ascontiguousarray(tensor.T if conv1d else tensor)
            )
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


class LlamaCpp:
    """Batches and contexts of its C interface, by ctypes."""

    def __init__(self, job: Job) -> None:
        import llama_cpp as llama

        self._llama, self._job, self._n_ctx = llama, job, job.shape.n_ctx
        llama.llama_backend_init()
        self._model = llama.llama_model_load_from_file(
            str(file(job)).encode(), llama.llama_model_default_params()
        )
        self._n_vocab = llama.llama_vocab_n_tokens(llama.llama_model_get_vocab(self._model))
        self._contexts: dict[tuple[int, int], Any] = {}
        self.settings = {
            "system": llama.llama_print_system_info().decode(),
            "flash_attn": job.settings.get("flash_attn", -1),
            "n_ubatch": job.settings.get("n_ubatch", 512),
        }

    def _context(self, n_rows: int, n_ctx: int) -> Any:
        """An empty context for ``n_rows`` texts, made once."""
        key = (n_rows, n_ctx)
        if key not in self._contexts:
            params = self._llama.llama_context_default_params()
            params.n_ctx, params.n_seq_max = n_rows * n_ctx, n_rows
            params.n_batch, params.n_ubatch = max(1024, n_ctx), self.settings["n_ubatch"]
            params.n_threads = params.n_threads_batch = self._job.threads
            params.flash_attn_type = self.settings["flash_attn"]
            self._contexts[key] = self._llama.llama_init_from_model(self._model, params)
        memory = self._llama.llama_get_memory(self._contexts[key])
        self._llama.llama_memory_clear(memory, False)
        return self._contexts[key]

    def _feed(
        self, context: Any, rows: list[list[int]], past: int, every: bool = False
    ) -> np.ndarray:
        """The logits of each row's last token, or of every token of one row."""
        llama, n = self._llama, sum(map(len, rows))
        batch = llama.llama_batch_init(n, 0, 1)
        placed = [(seq, at) for seq, row in enumerate(rows) for at in range(len(row))]
        for i, (seq, at) in enumerate(placed):
            batch.token[i], batch.pos[i] = rows[seq][at], past + at
            batch.n_seq_id[i], batch.seq_id[i][0] = 1, seq
            batch.logits[i] = every or at == len(rows[seq]) - 1
        n_wanted = n if every else len(rows)
        batch.n_tokens = n
        code = llama.llama_decode(context, batch)
        llama.llama_batch_free(batch)
        if code:
            raise RuntimeError(f"llama_decode gave {code}")
        flat = llama.llama_get_logits(context)
        return np.ctypeslib.as_array(flat, (n_wanted, self._n_vocab))

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        """Greedy texts: :meth:`serve.Engine.decode`."""
        n_ctx = self._n_ctx if len(prompts) == 1 else 128
        context = self._context(len(prompts), n_ctx)
        chosen = [self._feed(context, prompts, 0).argmax(1)]
        started = time.perf_counter()
        for step in range(new - 1):
            rows = [[token] for token in chosen[-1].tolist()]
            chosen.append(self._feed(context, rows, len(prompts[0]) + step).argmax(1))
        seconds = time.perf_counter() - started
        return Decoded(np.stack(chosen, 1).tolist(), seconds)

    def prefill(self, ids: list[int]) -> Any:
        """The logits of the last position."""
        return self._feed(self._context(1, self._n_ctx), [ids], 0)[0]

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        logits = self._feed(self._context(1, self._n_ctx), [ids], 0, every=True)
        return logprobs_of_next(logits, ids, self._job.threads)


if __name__ == "__main__":
    main(prepare, LlamaCpp)
