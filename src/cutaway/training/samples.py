"""Texts that the model writes while it learns: what a loss does not show."""

import json
import logging
from pathlib import Path

from cutaway.data.task import TaskFormat
from cutaway.generation import LanguageModel
from cutaway.models import Decoder, EncoderDecoder
from cutaway.tokenizers import Tokenizer
from cutaway.training.journal_file import drop_after
from cutaway.training.recipe import SamplesConfig

__all__ = ["Sampler"]

logger = logging.getLogger("cutaway.training")


class Sampler:
    """Writes samples into a file and on the log.

    Args:
        config: prompts and their length.
        tokenizer: of the run.
        path: of JSON lines: step, prompt, text.
        seed: of the draws, the same at every step: texts differ by what was learnt.
        format: of a task of pairs, whose prompts are sources and whose texts are targets.
    """

    def __init__(
        self,
        config: SamplesConfig,
        tokenizer: Tokenizer,
        path: Path,
        *,
        seed: int,
        format: TaskFormat | None = None,
    ) -> None:
        self.config, self.tokenizer, self.path, self.seed = config, tokenizer, path, seed
        self.format = format

    def is_due(self, done: int) -> bool:
        """Whether to write after ``done`` steps."""
        return bool(self.config.every) and not done % self.config.every

    def write(self, done: int, model: Decoder) -> None:
        """One text for each prompt."""
        model.eval()
        lm = LanguageModel(model, self.tokenizer, task=self.format)
        entries: list[dict[str, object]] = []
        between = "" if self.format is None else f" {self.format.marker} "
        for prompt in self.config.prompts:
            text = lm.generate(
                self._read(prompt, model),
                seed=self.seed,
                max_new_tokens=self.config.max_new_tokens,
                top_k=self.config.top_k,
                overflow="error" if self.format is None else "stop",
            ).text
            entries.append({"step": done, "prompt": prompt, "text": text})
            shown = json.dumps(prompt + between + text, ensure_ascii=False)
            logger.info("step %d  %s", done, shown)
        with self.path.open("a", encoding="utf-8") as file:
            for entry in entries:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")

    def _read(self, prompt: str, model: Decoder) -> str | list[int]:
        """A prompt as the model was taught to read it; an encoder-decoder reads sources anyway."""
        if self.format is None or isinstance(model, EncoderDecoder):
            return prompt
        return self.format.prompt_ids(self.tokenizer, prompt)

    def resumed(self, step: int) -> None:
        """Drops the texts after ``step``, which will be written again."""
        drop_after(self.path, step)
