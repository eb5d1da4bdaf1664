"""The models that are served, and the runs that were opened, as many as fit into memory."""

import hashlib
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from threading import Event, RLock
from typing import TypeVar, cast

import torch

from cutaway.checkpoints.places import is_name
from cutaway.errors import CutawayError
from cutaway.generation import LanguageModel
from cutaway.interp.changes import Edits
from cutaway.interp.runs import Run, run_id

__all__ = ["Hosted", "ModelNotFound", "RunNotFound", "Store", "host"]

_RECENT = 4  # runs whose blocks stay recorded
T = TypeVar("T")
_REMEMBERED = 64  # answers that took a look at every head


class ModelNotFound(CutawayError, LookupError):
    """No such model is served."""


class RunNotFound(CutawayError, LookupError):
    """A run was never opened, or forgotten to make room."""


class Hosted:
    """A model under a name that fits into an address, with the lock that its runs share.

    ``source`` is what :func:`cutaway.load` takes for it: a name, or words that stand for a path,
    which is nobody's business who is shown the page or gets an export of it.
    """

    def __init__(self, lm: LanguageModel, name: str) -> None:
        self.lm, self.name, self.lock = lm, name, RLock()
        self.source = lm.name if is_name(lm.name) else f"<the path of {name}>"
        self.fingerprint = lm.fingerprint or _weights_digest(lm)
        tokenizer = lm.tokenizer_or_none
        self.tokenizer = tokenizer
        self.n_vocab = lm.model.config.vocab_size if tokenizer is None else tokenizer.vocab_size


def host(models: Sequence[LanguageModel]) -> dict[str, Hosted]:
    """The models by names of their own; a path is known by its last part.

    That of a run's ``model/`` is the run's.
    """
    found: dict[str, Hosted] = {}
    for lm in models:
        *_, folder, last = ["", *lm.name.rstrip("/").split("/")]
        base = (last != "model" and _fitting(last)) or _fitting(folder) or "model"
        name, n = base, 1
        while name in found:
            n += 1
            name = f"{base}-{n}"
        found[name] = Hosted(lm, name)
    return found


def _fitting(name: str) -> str:
    """What of a name can stand in an address; nothing of a name of dots."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:64]


class Store:
    """Runs by their ids, the one asked for longest ago forgotten first.

    Args:
        models: by name, the one to begin with first.
        max_bytes: that the runs may hold together. The newest run is always kept.
    """

    def __init__(self, models: dict[str, Hosted], *, max_bytes: int = 2 << 30) -> None:
        self.models, self.max_bytes = models, max_bytes
        self._runs: OrderedDict[str, tuple[Run, Hosted]] = OrderedDict()
        self._answers: OrderedDict[tuple[str, str], object] = OrderedDict()
        self._lock, self._closing = RLock(), Event()

    def model(self, name: str | None) -> Hosted:
        """A model by its name; None for the first.

        Raises:
            ModelNotFound: if it is not served.
        """
        if name is None:
            return next(iter(self.models.values()))
        if name not in self.models:
            known = ", ".join(self.models)
            what = f"No model {name!r} is served here."
            raise ModelNotFound(what, f"Known: {known}.", name=name, known=known)
        return self.models[name]

    def open(self, hosted: Hosted, ids: Sequence[int], edits: Edits) -> Run:
        """Makes a run, or finds it among those that are there.

        Raises:
            RunNotFound: if a patch takes a head from a run that is not there.
            ConfigError, ContextLengthError: as :class:`Run` does.
        """
        donors = {patch.run: self.get(patch.run)[0] for patch in edits.patches}
        model, fingerprint = hosted.lm.model, hosted.fingerprint
        with hosted.lock:
            known = self._known(run_id(model, ids, edits=edits, fingerprint=fingerprint))
            if known is not None:
                return known
            run = Run(model, ids, edits=edits, donors=donors, fingerprint=fingerprint)
            return self.add(run, hosted)

    def extend(self, run: Run, id: int, hosted: Hosted) -> tuple[Run, bool]:
        """The run of one token more, and whether that token had to be read for it.

        Raises:
            ConfigError, ContextLengthError: as :meth:`Run.extended` does.
        """
        with hosted.lock:
            known = self._known(run.id_with(id))
            if known is not None:
                return known, False
            return self.add(run.extended(id), hosted), True

    def add(self, run: Run, hosted: Hosted) -> Run:
        """Keeps a run and makes room for it."""
        with self._lock:
            if run.id in self._runs:
                return self._touched(run.id)[0]
            self._runs[run.id] = (run, hosted)
            self._make_room()
            return run

    def _make_room(self) -> None:
        """Gives up what can be computed again, the oldest first, and then whole runs."""
        *older, _ = [run for run, _ in self._runs.values()]
        for i, run in enumerate(older):
            if i <= len(older) - _RECENT or self.nbytes > self.max_bytes:
                run.forget()
        while len(self._runs) > 1 and self.nbytes > self.max_bytes:
            _, (run, _) = self._runs.popitem(last=False)
            run.forget()  # another run may still take a head from it

    def remembered(self, run: Run, question: str, make: Callable[[], T]) -> T:
        """What was found out about a run before, or finds it out: a run never changes.

        Args:
            run: that is asked about.
            question: a name for what ``make`` finds, always the same for the same.
            make: finds it; small enough to be kept.
        """
        key = (run.id, question)
        with self._lock:
            if key in self._answers:
                self._answers.move_to_end(key)
                return cast("T", self._answers[key])
        found = make()
        with self._lock:
            self._answers[key] = found
            while len(self._answers) > _REMEMBERED:
                self._answers.popitem(last=False)
        return found

    def _known(self, id: str) -> Run | None:
        with self._lock:
            if id not in self._runs:
                return None
            return self._touched(id)[0]

    def _touched(self, id: str) -> tuple[Run, Hosted]:
        """A run that is asked for; what was looked at since is counted when the run changes."""
        if next(reversed(self._runs)) != id:
            self._runs.move_to_end(id)
            self._make_room()
        return self._runs[id]

    def get(self, id: str) -> tuple[Run, Hosted]:
        """A run and its model.

        Raises:
            RunNotFound: if it is not there (any more).
        """
        with self._lock:
            if id not in self._runs:
                what = f"No run {id!r} is open."
                raise RunNotFound(what, "Open it again from its ids.", run=id)
            return self._touched(id)

    def close(self) -> None:
        """Ends the texts that are being written: the server stops."""
        self._closing.set()

    @property
    def is_closing(self) -> bool:
        """Whether the server stops."""
        return self._closing.is_set()

    def clear(self) -> None:
        """Forgets every run."""
        with self._lock:
            self._runs.clear()
            self._answers.clear()

    @property
    def nbytes(self) -> int:
        """Bytes that all runs hold, with those they take heads from; what is shared counts once."""
        with self._lock:
            held: dict[int, int] = {}
            for run, _ in self._runs.values():
                held |= run.held
            return sum(held.values())


def _weights_digest(lm: LanguageModel) -> str:
    digest = hashlib.sha256()
    for name, weight in lm.model.named_parameters():
        digest.update(name.encode())
        digest.update(weight.detach().cpu().contiguous().view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
