"""CTranslate2: the converter's specification of GPT-2, around ids instead of a vocabulary."""

import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.engine.workers.serve import Decoded, Job, main


def prepare(job: Job) -> None:
    if (folder(job) / "model.bin").exists():
        return
    from ctranslate2.converters.transformers import GPT2Loader
    from transformers import GPT2LMHeadModel

    spec = GPT2Loader().get_model_spec(GPT2LMHeadModel.from_pretrained(job.model))
    spec.register_vocabulary([str(token) for token in range(50257)])
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = "50256"
    spec.validate()
    spec.optimize(quantization={"int8": "int8", "bf16": "bfloat16"}[job.format])
    folder(job).mkdir(parents=True, exist_ok=True)
    spec.save(str(folder(job)))


def folder(job: Job) -> Path:
    return job.work / "ctranslate2-models" / job.format


class CTranslate2:
    def __init__(self, job: Job) -> None:
        import ctranslate2

        compute = {"int8": "int8", "bf16": "bfloat16"}[job.format]
        supported = ctranslate2.get_supported_compute_types("cpu")
        if compute not in supported:
            raise SystemExit(f"no {compute} on this processor, only {', '.join(sorted(supported))}")
        self._generator = ctranslate2.Generator(
            str(folder(job)), "cpu", compute_type=compute, intra_threads=job.threads
        )
        self.settings: dict[str, Any] = {"compute_type": self._generator.compute_type}

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        times: list[float] = []
        done = self._generator.generate_batch(
            [[str(token) for token in prompt] for prompt in prompts],
            max_length=new,
            min_length=new,
            include_prompt_in_result=False,
            callback=lambda step: times.append(time.perf_counter()) or False,
        )
        return Decoded([one.sequences_ids[0] for one in done], times[-1] - times[len(prompts) - 1])

    def prefill(self, ids: list[int]) -> list[float]:
        logits = self._generator.forward_batch([ids])
        return np.array(logits)[0, -1]

    def score(self, ids: list[int]) -> list[float]:
        (result,) = self._generator.score_batch([[str(token) for token in ids]])
        return result.log_probs


if __name__ == "__main__":
    main(prepare, CTranslate2)
