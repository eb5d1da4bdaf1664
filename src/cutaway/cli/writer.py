"""Printing what a model writes: as it comes, or sample by sample, or as JSON."""

import time
from typing import TYPE_CHECKING, Any

import typer

from cutaway.cli.output import stderr, stdout
from cutaway.cli.render import pad, piece

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cutaway.generation import Candidate, Completion, LanguageModel

__all__ = ["Writer"]


class Writer:
    """Writes the results of one call of ``generate``.

    Args:
        lm: the model that writes.
        as_json: one JSON object for each text instead of the text.
        with_logprobs: a table of log-probabilities below each text.
    """

    def __init__(self, lm: "LanguageModel", *, as_json: bool, with_logprobs: bool) -> None:
        self.lm, self.as_json, self.with_logprobs = lm, as_json, with_logprobs
        self.out, self.err = stdout(), stderr()

    def stream(
        self, prompt: str, *, seed: int | None, live: bool, settings: dict[str, Any]
    ) -> None:
        """Writes one text, as it comes if ``live``; after Ctrl-C, what there is of it."""
        began = time.perf_counter()
        events = self.lm.stream(prompt, seed=seed, **settings)
        live = live and not self.as_json
        if live:
            self.out.write(prompt, "dim").flush()
        shown = ""
        try:
            for event in events:
                shown += event.text
                if live and event.text:
                    self.out.write(event.text, "bold").flush()
        except KeyboardInterrupt:
            events.close()
            interrupted = True
        else:
            interrupted = False
        done = events.completion
        if live:
            self.out.line(done.text.removeprefix(shown), "bold")
            if self.with_logprobs:
                self._logprobs(done)
        else:
            self._result(done, header="")
        self._summary([done], time.perf_counter() - began)
        if interrupted:
            raise typer.Exit(130)

    def samples(self, prompt: str, *, n: int, seed: int | None, settings: dict[str, Any]) -> None:
        """Writes several texts, or one found by beams, when they are done."""
        began = time.perf_counter()
        made = self.lm.generate(prompt, n=n, seed=seed, **settings)
        done: list[Completion] = made if isinstance(made, list) else [made]
        for number, completion in enumerate(done, start=1):
            self._result(completion, header=f"--- {number} of {n} ---" if n > 1 else "")
        self._summary(done, time.perf_counter() - began)

    def _result(self, completion: "Completion", *, header: str) -> None:
        if self.as_json:
            self.out.json(self._as_dict(completion))
            return
        if header:
            self.out.line(header, "dim")
        self.out.write(completion.prompt, "dim").line(completion.text, "bold")
        if self.with_logprobs:
            self._logprobs(completion)

    def _summary(self, done: "Sequence[Completion]", seconds: float) -> None:
        """One line about how it was done, so that it can be done again."""
        n_tokens = sum(len(completion.ids) for completion in done)
        reasons = ", ".join(
            sorted({completion.finish_reason or "interrupted" for completion in done})
        )
        seed = "" if done[0].seed is None else f", seed {done[0].seed}"
        self.out.flush()
        self.err.line(
            f"{self.lm.name}{seed}: {n_tokens} tokens in {seconds:.1f} s ({reasons})", "dim"
        )

    def _as_dict(self, completion: "Completion") -> dict[str, Any]:
        top = completion.top_logprobs
        fields: dict[str, Any] = {
            "text": completion.text,
            "prompt": completion.prompt,
            "ids": list(completion.ids),
            "prompt_ids": list(completion.prompt_ids),
            "finish_reason": completion.finish_reason or "interrupted",
            "seed": completion.seed,
            "index": completion.index,
            "model": self.lm.name,
        }
        if self.with_logprobs:
            fields["logprobs"] = list(completion.logprobs)
            fields["top_logprobs"] = [
                [{"id": c.id, "text": c.text, "logprob": c.logprob} for c in step]
                for step in top or ()
            ]
        return fields

    def _logprobs(self, completion: "Completion") -> None:
        """A row for each token: its log-probability, and the alternatives with theirs."""
        tops: Sequence[Sequence[Candidate]] = completion.top_logprobs or [()] * len(completion.ids)
        token_bytes = self.lm.tokenizer.token_bytes
        for token, logprob, top in zip(completion.ids, completion.logprobs, tops, strict=False):
            self.out.write(f"{pad(piece(token_bytes(token)), 16)} {logprob:9.4f}")
            others = "  ".join(f"{piece(c.bytes)} {c.logprob:.2f}" for c in top)
            self.out.line(f"   {others}" if others else "", "dim")
