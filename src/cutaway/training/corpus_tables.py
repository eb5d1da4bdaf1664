"""What a recipe says about its corpus: the files, and the vocabulary that they are read with."""

import math
from dataclasses import dataclass
from typing import Literal

from cutaway.errors import ConfigError

__all__ = ["DataConfig", "MusicSource", "PairSource", "Prepared", "Source", "TokenizerConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A file of the corpus.

    Attributes:
        file: path, relative to the corpus folder.
        repeat: how often its documents occur in one pass over the corpus.
        first: the share of its documents to take, from the top of the file.
        part: from where to where each document is taken, as shares of its characters; for a
            corpus that is one document, such as a book of which the end is held out.
    """

    file: str
    repeat: int = 1
    first: float = 1.0
    part: tuple[float, ...] = (0.0, 1.0)

    def __post_init__(self) -> None:
        if self.repeat < 1:
            raise ConfigError(f"repeat of {self.file!r} is {self.repeat}.", "Give 1 or more.")
        if not 0.0 < self.first <= 1.0:
            raise ConfigError(f"first of {self.file!r} is {self.first}.", "It must be in (0, 1].")
        _check_part(self.file, self.part, "characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A directory that ``cutaway data prepare`` made.

    Attributes:
        folder: path, relative to the corpus folder.
        weight: its share of the windows, beside the weights of the others.
    """

    folder: str
    weight: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class PairSource:
    """Pairs of the corpus: one file, or two with as many lines.

    Attributes:
        source: path, relative to the corpus folder: text with a line for each source, beside
            ``target``; alone a table of two columns (``.tsv``) or JSON lines.
        target: text with a line for each target.
        fields: of JSON lines: the source's name and the target's.
        part: from where to where its pairs are taken, as shares of their number, in a random order
            that is always the same; so a part is a fair sample, and two parts that do not overlap
            have no pair in common.
        draw: another number, another such order.
    """

    source: str
    target: str = ""
    fields: tuple[str, ...] = ("source", "target")
    part: tuple[float, ...] = (0.0, 1.0)
    draw: int = 0

    def __post_init__(self) -> None:
        _check_part(self.source, self.part, "pairs")
        if len(self.fields) != 2 or len(set(self.fields)) != 2 or not all(self.fields):
            raise ConfigError(
                f"fields of {self.source!r} are {list(self.fields)}.",
                'Name two, such as ["document", "summary"].',
            )
        _check_draw(self.source, self.draw)

    @property
    def files(self) -> tuple[str, ...]:
        """The names of its files."""
        return (self.source, self.target) if self.target else (self.source,)


@dataclass(frozen=True, slots=True, kw_only=True)
class MusicSource:
    """Pieces of music: performances as MIDI, or chorales.

    Attributes:
        file: path, relative to the corpus folder. Of performances a MIDI file, a folder, or an
            archive of them (``.tar`` in any packing, ``.zip``); of chorales the JSON of the JSB
            Chorales, packed or not.
        split: of chorales the name of a part of the file: ``train``, ``valid`` or ``test``.
        part: from where to where its pieces are taken, as shares of their number, in a random order
            that is always the same; so two parts that do not overlap have no piece in common.
        draw: another number, another such order.
    """

    file: str
    split: str = ""
    part: tuple[float, ...] = (0.0, 1.0)
    draw: int = 0

    def __post_init__(self) -> None:
        if not self.file:
            raise ConfigError("A source of music has no file.", "Name one, or a folder.")
        _check_part(self.file, self.part, "pieces")
        _check_draw(self.file, self.draw)


def _check_part(name: str, part: tuple[float, ...], of: str) -> None:
    if len(part) != 2 or not 0.0 <= part[0] < part[1] <= 1.0:
        raise ConfigError(
            f"part of {name!r} is {list(part)}.",
            f"Give two shares of its {of}, such as [0.0, 0.9].",
        )


def _check_draw(name: str, draw: int) -> None:
    if draw < 0:
        raise ConfigError(f"draw of {name!r} is {draw}.", "Give 0 or more.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenizerConfig:
    """The vocabulary.

    Attributes:
        files: to learn it from, ``model.vocab_size`` entries. With none it is that of the model to
            start from, of the prepared directories, or GPT-2's own 50,257 entries.
        pairs: whether to learn it from both sides of ``data.train_pairs`` (and ``files``): one
            vocabulary that two languages share (Sennrich et al. 2016, section 3.2).
    """

    files: tuple[str, ...] = ()
    pairs: bool = False

    @property
    def is_learned(self) -> bool:
        """Whether the run makes a vocabulary of its own."""
        return self.pairs or bool(self.files)


@dataclass(frozen=True, slots=True, kw_only=True)
class DataConfig:
    """The corpus.

    Attributes:
        train: what the model learns from.
        final: what it learns from in the last ``training.final_steps``: the kind of text it is
            to be best at (Hu et al. 2024, "MiniCPM", section 4.3: such data while the rate decays).
        valid: what it is measured on; with ``prepared`` it is their validation split by default.
        prepared: in the place of ``train``: directories of shards, mixed by weight.
        train_pairs: what a task of pairs is learned from.
        valid_pairs: what it is measured on.
        bad_pairs: what becomes of a line that gives no pair: it is an error (``refuse``), or it is
            named on the log and left out (``skip``).
        train_music: what a task of music is learned from.
        valid_music: what it is measured on.
        bad_music: what becomes of a MIDI file that gives no performance, as ``bad_pairs``.
        transpose: semitones that a row of music is moved up or down at most, by a number drawn
            anew for each row; 0 for none (Huang et al. 2019 have 3 for performances). A piece that
            would leave the piano's keys, or a chorale's voice its range, is not moved so far.
        stretch: factors of the time of a performance, of which each row draws one (the same paper:
            ``[0.95, 0.975, 1.0, 1.025, 1.05]``).
    """

    train: tuple[Source, ...] = ()
    final: tuple[Source, ...] = ()
    valid: tuple[Source, ...] = ()
    prepared: tuple[Prepared, ...] = ()
    train_pairs: tuple[PairSource, ...] = ()
    valid_pairs: tuple[PairSource, ...] = ()
    bad_pairs: Literal["refuse", "skip"] = "refuse"
    train_music: tuple[MusicSource, ...] = ()
    valid_music: tuple[MusicSource, ...] = ()
    bad_music: Literal["refuse", "skip"] = "refuse"
    transpose: int = 0
    stretch: tuple[float, ...] = (1.0,)

    def __post_init__(self) -> None:
        for name in ("bad_pairs", "bad_music"):
            if (value := getattr(self, name)) not in ("refuse", "skip"):
                raise ConfigError(f"data.{name} is {value!r}.", "Known: refuse, skip.")
        self._check_changes()
        if self.train and self.prepared:
            raise ConfigError(
                "data.train and data.prepared both name a corpus.",
                "Give one; `cutaway data prepare` makes a prepared one of files.",
            )

    def _check_changes(self) -> None:
        """What is done to music must leave it music."""
        if not 0 <= self.transpose <= 12:
            raise ConfigError(
                f"data.transpose is {self.transpose}.", "Give 0 to 12 semitones; the paper has 3."
            )
        factors = self.stretch
        if not factors or not all(math.isfinite(f) and 0.5 <= f <= 2.0 for f in factors):
            raise ConfigError(
                f"data.stretch is {list(factors)}.", "Give factors from 0.5 to 2.0, such as [1.0]."
            )
        if len(set(factors)) < len(factors):
            raise ConfigError(
                f"data.stretch is {list(factors)}: one is there twice.", "Give each once."
            )
