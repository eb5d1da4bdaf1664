"""Writing a text by choosing its words: the article's explorer, without a screen or a keyboard.

Tokens are kept as ids, not as text: a text that is encoded anew may be cut at other places than
those at which its words were chosen.
"""

from typing import TYPE_CHECKING

from cutaway.errors import ConfigError

if TYPE_CHECKING:
    from cutaway.generation import LanguageModel, NextTokens

__all__ = ["Picker"]


class Picker:
    """A text in the making, with the model's proposals for its next word.

    Args:
        lm: proposes words.
        prompt: the beginning of the text; none starts from ``<|endoftext|>``.
        k: how many words it proposes.
    """

    def __init__(self, lm: "LanguageModel", prompt: str, *, k: int = 10) -> None:
        self.lm, self.k = lm, k
        self.prompt_ids = lm.tokenizer.encode(prompt) or [lm.tokenizer.eot]
        self.steps: list[list[int]] = []  # what each step added, so that it can be undone
        self._proposals: NextTokens | None = None

    @property
    def ids(self) -> list[int]:
        """The whole text as ids."""
        return self.prompt_ids + self.chosen

    @property
    def chosen(self) -> list[int]:
        """The ids chosen so far."""
        return [token for step in self.steps for token in step]

    @property
    def prompt(self) -> str:
        """The beginning that was given."""
        return self._decode(self.prompt_ids)

    @property
    def text(self) -> str:
        """The whole text."""
        return self._decode(self.ids)

    @property
    def is_full(self) -> bool:
        """Whether the text fills the model's context."""
        return len(self.ids) >= self.lm.config.n_ctx

    @property
    def is_ended(self) -> bool:
        """Whether the end of the text was chosen."""
        return self.chosen[-1:] == [self.lm.tokenizer.eot]

    def proposals(self) -> "NextTokens":
        """The most probable next words; computed once for each text."""
        if self._proposals is None:
            self._proposals = self.lm.next_tokens(self.ids, k=self.k)
        return self._proposals

    def choose(self, row: int) -> None:
        """Adds the word in a row, counted from 1.

        Raises:
            ConfigError: if there is no such row.
        """
        candidates = self.proposals().candidates
        if not 1 <= row <= len(candidates):
            raise ConfigError(f"There is no row {row}.", f"Choose 1 to {len(candidates)}.")
        self._add([candidates[row - 1].id])

    def undo(self) -> bool:
        """Takes the last step back; False if there is none."""
        if not self.steps:
            return False
        self.steps.pop()
        self._proposals = None
        return True

    def go_on(self, n: int = 20, *, seed: int | None = None) -> None:
        """Lets the model write ``n`` words, or fewer if the text ends or the context is full."""
        room = self.lm.config.n_ctx - len(self.ids)
        if min(n, room) > 0:
            made = self.lm.generate(self.ids, max_new_tokens=min(n, room), seed=seed)
            self._add(list(made.ids))

    def _add(self, ids: list[int]) -> None:
        self.steps.append(ids)
        self._proposals = None

    def _decode(self, ids: list[int]) -> str:
        return self.lm.tokenizer.decode(id for id in ids if id != self.lm.tokenizer.eot)
