"""Hugging Face's transformers as it is: the reference of what is right, and a peer."""

import time
from typing import Any

from cutaway.benchmarking.workers.serve import Decoded, Job, main


def prepare(job: Job) -> None:
    """Nothing: the checkpoint is in its own layout."""


class Transformers:
    """Its GPT-2, with the cache that it has by default."""

    def __init__(self, job: Job) -> None:
        import torch
        from transformers import GPT2LMHeadModel

        torch.set_num_threads(job.threads)
        torch.set_grad_enabled(False)
        dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[job.format]
        self._torch = torch
        self._model = GPT2LMHeadModel.from_pretrained(
            job.model, dtype=dtype, attn_implementation="sdpa"
        ).eval()
        self.settings: dict[str, Any] = {"dtype": str(dtype), "cache": "dynamic"}

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        """Greedy texts: :meth:`serve.Engine.decode`."""
        torch = self._torch
        past, tokens, chosen, started = None, torch.tensor(prompts), [], 0.0
        for step in range(new):
            if step == 1:
                started = time.perf_counter()
            out = self._model(tokens, past_key_values=past, use_cache=True, logits_to_keep=1)
            past, tokens = out.past_key_values, out.logits[:, -1:].argmax(-1)
            chosen.append(tokens)
        seconds = time.perf_counter() - started
        return Decoded(torch.cat(chosen, 1).tolist(), seconds)

    def prefill(self, ids: list[int]) -> Any:
        """The logits of the last position."""
        logits = self._model(self._torch.tensor([ids]), logits_to_keep=1).logits
        return logits[0, -1].float().numpy()

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        tokens = self._torch.tensor([ids])
        logits = self._model(tokens).logits[0, :-1].float()
        return logits.log_softmax(-1).gather(1, tokens[0, 1:, None])[:, 0].tolist()


if __name__ == "__main__":
    main(prepare, Transformers)
