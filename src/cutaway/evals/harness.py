"""EleutherAI's lm-evaluation-harness drives the model: ``--model cutaway``.

The harness finds models by names that are registered when their module is imported, so its command
is run through this module::

    python -m cutaway.evals.harness --model cutaway --model_args pretrained=DIR --tasks blimp

In Python, ``import cutaway.evals.harness`` is enough before ``lm_eval.simple_evaluate``.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Any

import torch

from cutaway.errors import CutawayError, MissingExtra
from cutaway.evals.requests import MAX_NEW, continuation_scores, text_logprobs, written_texts
from cutaway.generation import LanguageModel, load

__all__ = ["CutawayLM", "main"]


def _library(module: str) -> Any:
    try:
        return import_module(f"lm_eval.{module}")
    except ImportError as error:
        raise MissingExtra(
            f"lm-evaluation-harness needs {error.name}, which is not installed.",
            "Install it with: pip install 'cutaway[eval]'",
        ) from error


_LM: Any = _library("api.model").LM
_register: Any = _library("api.registry").register_model


@_register("cutaway")
class CutawayLM(_LM):
    """A model as lm-evaluation-harness sees it.

    Args:
        pretrained: a name that ``cutaway models`` lists, a directory or file with weights, or a
            model that is loaded already.
        dtype: as :func:`cutaway.load` takes it; the readable model in float32 unless given.
        device: to run on. The harness's command asks for ``cuda:0`` unless told otherwise; where
            there is none, the CPU does the work, as for the harness's own models.
        stride: tokens between two windows of a long text; the whole context unless given, which is
            how the harness's own models read.
        add_bos_token: put ``<|endoftext|>`` before every context. The harness's ``hf`` does not
            for GPT-2, ``cutaway eval`` does.
        seed: of texts that are drawn.
        batch_size: not needed, rows are put together by their length.
        max_batch_size: the same.

    Raises:
        CheckpointError: if there is no such model, or its files are damaged.
        ConfigError: for an unknown dtype.
    """

    def __init__(
        self,
        pretrained: str | LanguageModel = "pocket",
        *,
        dtype: str | None = None,
        device: str | None = None,
        stride: int | None = None,
        add_bos_token: bool = False,
        seed: int = 0,
        batch_size: int | str | None = None,
        max_batch_size: int | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(pretrained, LanguageModel):
            pretrained = load(pretrained, dtype=dtype, device=_device(device))
        self.lm, self.stride, self.begin, self.seed = pretrained, stride, add_bos_token, seed

    @property
    def eot_token_id(self) -> int:
        """The id of ``<|endoftext|>``."""
        return self.lm.tokenizer.eot

    @property
    def max_length(self) -> int:
        """Positions of the model."""
        return self.lm.config.n_ctx

    @property
    def max_gen_toks(self) -> int:
        """Tokens of a text where a task does not say how many."""
        return MAX_NEW

    @property
    def tokenizer_name(self) -> str:
        """What the harness names its caches of requests after."""
        return f"cutaway-{self.lm.tokenizer.fingerprint}"

    def get_model_info(self) -> dict[str, Any]:
        """What the harness writes into its report."""
        return {
            "model_name": self.lm.name,
            "model_sha": self.lm.fingerprint,
            "model_dtype": self.lm.dtype,
            "add_bos_token": self.begin,
            "stride": self.max_length if self.stride is None else self.stride,
        }

    def loglikelihood(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[tuple[float, bool]]:
        """Log-probability of each continuation behind its context, and whether it is greedy."""
        scores = continuation_scores(self.lm, [one.args for one in requests], begin=self.begin)
        found = [(score.logprob, score.is_greedy) for score in scores]
        self._keep("loglikelihood", requests, found)
        return found

    def loglikelihood_rolling(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """Log-probability of each whole text."""
        texts = [text for (text,) in (one.args for one in requests)]
        found = text_logprobs(self.lm, texts, stride=self.stride)
        self._keep("loglikelihood_rolling", requests, found)
        return found

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """A text behind each context."""
        asked = [one.args for one in requests]
        found = written_texts(self.lm, asked, begin=self.begin, seed=self.seed)
        self._keep("generate_until", requests, found)
        return found

    def _keep(self, kind: str, requests: Sequence[Any], found: Sequence[object]) -> None:
        for request, answer in zip(requests, found, strict=True):
            self.cache_hook.add_partial(kind, request.args, answer)


def _device(asked: str | None) -> str:
    if asked is None or (asked.startswith("cuda") and not torch.cuda.is_available()):
        return "cpu"
    return asked


def main() -> None:
    """The harness's own command, in which ``--model cutaway`` is known."""
    try:
        _library("models")  # else the harness takes the one registered name for all there are
        _library("__main__").cli_evaluate()
    except CutawayError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
