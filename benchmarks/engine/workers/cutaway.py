"""Our engine, by the public interface alone: load, generate, stream, next_tokens, score."""

import time
import warnings
from typing import Any

from benchmarks.engine.workers.serve import Decoded, Job, main


def prepare(job: Job) -> None:
    """Nothing: it reads the checkpoint itself."""


class Cutaway:
    def __init__(self, job: Job) -> None:
        import torch

        import cutaway

        torch.set_num_threads(job.threads)
        try:
            import cutaway.engine
        except ImportError:
            raise SystemExit("this cutaway has no engine yet") from None
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # a fall back to the readable model is no figure
            self._lm: Any = cutaway.load(job.model, dtype=job.format, **job.settings)
        self.settings: dict[str, Any] = {"dtype": job.format, **job.settings}

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        greedy: dict[str, Any] = {"temperature": 0, "max_new_tokens": new}
        if len(prompts) == 1:
            times, ids = [], []
            for event in self._lm.stream(prompts[0], **greedy):
                times.append(time.perf_counter())
                ids += event.ids
            return Decoded([ids], times[-1] - times[0])
        started = time.perf_counter()
        done = self._lm.generate(prompts, **greedy)
        whole = time.perf_counter() - started
        started = time.perf_counter()
        other = [prompt[::-1] for prompt in prompts]  # of the same length, not seen before
        self._lm.generate(other, **{**greedy, "max_new_tokens": 1})
        first = time.perf_counter() - started
        return Decoded([list(one.ids) for one in done], whole - first)

    def prefill(self, ids: list[int]) -> list[float]:
        (best,) = self._lm.next_tokens(ids, k=1).candidates
        return [best.logit]

    def score(self, ids: list[int]) -> list[float]:
        # Every text is scored behind the end-of-text token, which the request begins with.
        return list(self._lm.score(ids[1:]).token_logprobs)


if __name__ == "__main__":
    main(prepare, Cutaway)
