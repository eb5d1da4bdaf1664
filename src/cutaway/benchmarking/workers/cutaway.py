"""Our engine by its public interface: load, generate, stream, next_tokens, a reader's logprobs."""

import time
import warnings
from pathlib import Path
from typing import Any

from cutaway.benchmarking.workers.serve import Decoded, Job, finished, main

_STORED = {"int8": "int8", "int8_weight_only": "int8", "int4": "int4"}  # others as they are


def prepare(job: Job) -> None:
    """Writes the codes, as ``cutaway convert`` does, unless that is done."""
    home = folder(job)
    if home.exists():
        return
    from cutaway.checkpoints import convert

    with finished(home) as partial:
        partial.rmdir()
        convert(job.model, partial, to="hf", dtype=_STORED[job.format])  # type: ignore[arg-type]


def folder(job: Job) -> Path:
    """The checkpoint that is loaded."""
    stored = _STORED.get(job.format)
    return job.work / "cutaway-models" / stored if stored else job.model


class Cutaway:
    """The engine; as ``readable`` the model that it is made of, in float32."""

    def __init__(self, job: Job) -> None:
        import cutaway
        from cutaway.generation.reader import EngineReader

        if job.format == "readable":
            lm = cutaway.load(folder(job))
        else:
            with warnings.catch_warnings():
                warnings.simplefilter("error")  # a fall back to the readable model is no figure
                lm = cutaway.load(
                    folder(job), dtype=job.format, threads=job.threads, **job.settings
                )
        # Without a vocabulary: ids in and out, as of the others, and no end of a text.
        engine = lm.reader.engine if isinstance(lm.reader, EngineReader) else None
        self._lm: Any = cutaway.LanguageModel(lambda: lm.model, engine=engine, config=lm.config)
        self.settings: dict[str, Any] = {"dtype": job.format, **job.settings}

    def decode(self, prompts: list[list[int]], new: int) -> Decoded:
        """Greedy texts: :meth:`serve.Engine.decode`."""
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
        """The logits of the last position."""
        (best,) = self._lm.next_tokens(ids, k=1).candidates
        return [best.logit]

    def score(self, ids: list[int]) -> list[float]:
        """The log-probability of every token but the first."""
        return self._lm.reader.logprobs(ids[:-1], ids[1:])


if __name__ == "__main__":
    main(prepare, Cutaway)
