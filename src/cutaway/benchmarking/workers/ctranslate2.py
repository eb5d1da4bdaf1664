"""CTranslate2: the converter's specification of GPT-2, around ids instead of a vocabulary."""

# What it drives is installed in its own environment, if anywhere.
# pyright: reportMissingImports=false

import time
from pathlib import Path
from typing import Any

import numpy as np

from cutaway.benchmarking.workers.serve import Decoded, Job, finished, main


def prepare(job: Job) -> None:
    """Converts the weights, unless that is done."""
    if folder(job).exists():
        return
    from ctranslate2.converters.transformers import GPT2Loader
    from transformers import GPT2LMHeadModel

    spec = GPT2Loader().get_model_spec(GPT2LMHeadModel.from_pretrained(job.model))
    n_vocab = job.shape.vocab_size
    spec.register_vocabulary([str(token) for token in range(n_vocab)])
    last = str(n_vocab - 1)
    spec.config.bos_token = spec.config.eos_token = spec.config.unk_token = last
    spec.validate()
    spec.optimize(quantization={"int8": "int8", "bf16": "bfloat16"}[job.format])
    with finished(folder(job)) as partial:
        spec.save(str(partial))


def folder(job: Job) -> Path:
    """Where what was converted is kept."""
    return job.work / "ctranslate2-models" / job.format


class CTranslate2:
    """Its generator, asked for ids."""

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
        """Greedy texts: :meth:`serve.Engine.decode`."""
        times: list[float] = []

        def tick(_: Any) -> bool:
            times.append(time.perf_counter())
            return False  # go on

        done = self._generator.generate_batch(
            [[str(token) for token in prompt] for prompt in prompts],
            max_length=new,
            min_length=new,
            include_prompt_in_result=False,
            callback=tick,
        )
        return Decoded([one.sequences_ids[0] for one in done], times[-1] - times[len(prompts) - 1])

    def prefill(self, ids: list[int]) -> Any:
        """The logits of the last position."""
        logits = self._generator.forward_batch([ids])
        return np.array(logits)[0, -1]

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        (result,) = self._generator.score_batch([[str(token) for token in ids]])
        return result.log_probs


if __name__ == "__main__":
    main(prepare, CTranslate2)
