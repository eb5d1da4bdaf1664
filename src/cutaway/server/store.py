"""The models that are served, and the runs that were opened, as many as fit into memory."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Sequence
from threading import RLock

import torch

from cutaway.errors import CutawayError
from cutaway.generation import LanguageModel
from cutaway.interp.changes import Edits
from cutaway.interp.runs import Run

__all__ = ["Hosted", "ModelNotFound", "RunNotFound", "Store", "host"]

_RECENT = 4  # runs whose blocks stay recorded


class ModelNotFound(CutawayError, LookupError):
    """No such model is served."""


class RunNotFound(CutawayError, LookupError):
    """A run was never opened, or forgotten to make room."""


class Hosted:
    """A model under a name that fits into an address, with the lock that its runs share."""

    def __init__(self, lm: LanguageModel, name: str) -> None:
        self.lm, self.name, self.lock = lm, name, RLock()
        self.fingerprint = lm.fingerprint or _weights_digest(lm)
        tokenizer = lm.tokenizer_or_none
        self.tokenizer = tokenizer
        self.n_vocab = lm.model.config.vocab_size if tokenizer is None else tokenizer.vocab_size


def host(models: Sequence[LanguageModel]) -> dict[str, Hosted]:
    """The models by names of their own; a path is known by its last part."""
    found: dict[str, Hosted] = {}
    for lm in models:
        base = re.sub(r"[^A-Za-z0-9._-]+", "-", lm.name.rstrip("/").rsplit("/", 1)[-1])
        base = base.strip("-.")[:64] or "model"
        name, n = base, 1
        while name in found:
            n += 1
            name = f"{base}-{n}"
        found[name] = Hosted(lm, name)
    return found


class Store:
    """Runs by their ids, the one asked for longest ago forgotten first.

    Args:
        models: by name, the one to begin with first.
        max_bytes: that the runs may hold together. The newest run is always kept.
    """

    def __init__(self, models: dict[str, Hosted], *, max_bytes: int = 2 << 30) -> None:
        self.models, self.max_bytes = models, max_bytes
        self._runs: OrderedDict[str, tuple[Run, Hosted]] = OrderedDict()
        self._lock = RLock()

    def model(self, name: str | None) -> Hosted:
        """A model by its name; None for the first.

        Raises:
            ModelNotFound: if it is not served.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            known = ", ".join(self.models)
            raise ModelNotFound(f"No model {name!r} is served here.", f"Known: {known}.")
        return self.models[name]

    def open(self, hosted: Hosted, ids: Sequence[int], edits: Edits) -> Run:
        """Makes a run, or finds it among those that are there.

        Raises:
            RunNotFound: if a patch takes a head from a run that is not there.
            ConfigError, ContextLengthError: as :class:`Run` does.
        """
        donors = {patch.run: self.get(patch.run)[0] for patch in edits.patches}
        with hosted.lock:
            run = Run(
                hosted.lm.model, ids, edits=edits, donors=donors, fingerprint=hosted.fingerprint
            )
            return self.add(run, hosted)

    def add(self, run: Run, hosted: Hosted) -> Run:
        """Keeps a run and makes room for it."""
        with self._lock:
            if run.id in self._runs:
                self._runs.move_to_end(run.id)
                return self._runs[run.id][0]
            self._runs[run.id] = (run, hosted)
            for other, _ in list(self._runs.values())[:-_RECENT]:
                other.forget()
            while len(self._runs) > 1 and self.nbytes > self.max_bytes:
                self._runs.popitem(last=False)
            return run

    def get(self, id: str) -> tuple[Run, Hosted]:
        """A run and its model.

        Raises:
            RunNotFound: if it is not there (any more).
        """
        with self._lock:
            if id not in self._runs:
                raise RunNotFound(f"No run {id!r} is open.", "Open it again from its ids.")
            self._runs.move_to_end(id)
            return self._runs[id]

    def clear(self) -> None:
        """Forgets every run."""
        with self._lock:
            self._runs.clear()

    @property
    def nbytes(self) -> int:
        """Bytes that all runs hold; a state that several share counts once."""
        with self._lock:
            runs = [run for run, _ in self._runs.values()]
            blocks = sum(run.block_nbytes for run in runs)
            return blocks + sum({id(run.state): run.state_nbytes for run in runs}.values())


def _weights_digest(lm: LanguageModel) -> str:
    digest = hashlib.sha256()
    for name, weight in lm.model.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
