"""The one training loop.

It knows a model, an objective and batches, and no file but the run's own. A step is a function of
the state and of the step's number: the batch, the learning rate and the random draws follow from
it, so a run that stops anywhere goes on exactly where it was.
"""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import nn

from cutaway.errors import Interrupted
from cutaway.training.checkpoint import Checkpoints, TrainingState
from cutaway.training.guard import Guard, first_not_finite
from cutaway.training.journal import Journal
from cutaway.training.objectives import Batch, Objective, causal_lm
from cutaway.training.optimizers import build_optimizers, set_rate
from cutaway.training.parallel import Idle, LossOf, World, whole
from cutaway.training.process import denormals_flushed, memory_kept, memory_returned
from cutaway.training.recipe import Recipe
from cutaway.training.recompute import blocks_of, recomputed
from cutaway.training.resume import check_same_run
from cutaway.training.scaling import LossScaler
from cutaway.training.signals import StopRequest
from cutaway.training.together import SharedCheckpoints
from cutaway.training.validation import Looks

__all__ = ["Loop"]

_AUTOCAST = {"bf16": torch.bfloat16, "fp16": torch.float16}


class _Batches(Protocol):
    def of(self, step: int) -> Batch: ...


class _Sampler(Protocol):
    def is_due(self, done: int) -> bool: ...
    def write(self, done: int, model: Any) -> None: ...
    def resumed(self, step: int) -> None: ...


class Loop:
    """Trains ``model`` by ``recipe``.

    Args:
        model: trained in place, in float32, on its device.
        recipe: everything that decides the outcome.
        batches: deals the batch of every step.
        valid: what to measure on, or None.
        trained: what is updated and saved in checkpoints, if not the whole model.
        directory: the run's own; checkpoints and the journal are in it.
        objective: what is to be made smaller; smoothed while it is learned from, if the recipe
            says so.
        bytes_per_token: of the validation text, to report bits per byte; None of what is no text.
        sampler: writes texts now and then, or None.
        data: the fingerprint of the corpus, which a checkpoint is held against.
        journal: of the run; by default a plain one in its directory.
        own: raises if the directory is no longer this process's own; see :class:`Checkpoints`.
        world: the processes that train together; all of them make the same calls.
    """

    def __init__(
        self,
        model: nn.Module,
        recipe: Recipe,
        *,
        batches: _Batches,
        valid: Batch | None,
        trained: nn.Module | None = None,
        directory: Path,
        objective: Objective = causal_lm,
        bytes_per_token: float | None = None,
        sampler: _Sampler | None = None,
        data: Mapping[str, str] | None = None,
        journal: Journal | None = None,
        own: Callable[[], None] | None = None,
        world: World | None = None,
    ) -> None:
        self.model, self.recipe, self.batches, self.valid = model, recipe, batches, valid
        if smoothing := recipe.training.label_smoothing:
            objective = partial(objective, label_smoothing=smoothing)
        self.objective, self.bytes_per_token, self.sampler = objective, bytes_per_token, sampler
        self.device, self.world = next(model.parameters()).device, world or World()
        self._loss = LossOf(model, objective, compile=recipe.training.compile)
        self._loss_of_all = self.world.wrapped(self._loss)  # before there are optimizers
        updated = model if trained is None else trained
        optimizers = build_optimizers(updated, recipe.optimizer, replicas=self.world.replicas)
        self.state = TrainingState(updated, optimizers)
        checkpoints = Checkpoints(
            directory / "checkpoints",
            keep=recipe.checkpoints.keep,
            keep_every=recipe.checkpoints.keep_every,
            data=data,
            guard=own,
        )
        self.checkpoints = SharedCheckpoints(checkpoints, self.world)
        self.journal = journal or Journal(directory / "log.jsonl", steps=recipe.training.steps)
        self.looks = Looks(recipe.validation)
        self.guard = Guard(
            directory / "not-finite",
            max_skipped=recipe.training.max_skipped,
            writes=self.world.is_main,
        )
        self.scaler = LossScaler(enabled=recipe.training.precision == "fp16")

    def run(self, stop: StopRequest | None = None) -> float | None:
        """Trains to the last step, from the newest checkpoint if there is one.

        Args:
            stop: set from outside to end the run after the current step, with a checkpoint.

        Returns:
            The validation loss in nats per token of the model as it is then: the last, or with
            ``validation.keep_best`` the best. None without a validation corpus.

        Raises:
            Interrupted: if ``stop`` was set; the state is saved.
            TrainingDiverged: before an update whose loss or gradient is not finite.
        """
        again = self.recipe.training.recompute
        memory = memory_returned() if again else memory_kept()
        blocks = blocks_of(self.model) if again else ()
        with torch.random.fork_rng(), denormals_flushed(), memory, recomputed(blocks):
            first, source = self._resume()
            with self.journal.recording(after=first, source=source):
                return self._run(first, stop)

    def _run(self, first: int, stop: StopRequest | None) -> float | None:
        steps, valid_loss = self.recipe.training.steps, None
        self._settle(first)
        for step in range(first, steps):
            if self.looks.is_enough:
                best = {"best_loss": self.looks.best_loss, "best_step": self.looks.best_step}
                self.journal.event(step, "early_end", **best)
                break
            self._step(step)
            done, is_last = step + 1, step + 1 == steps
            stopping = self.world.any(stop is not None and stop.is_set)
            is_best = False
            if self.valid and self.looks.is_due(done, is_last=is_last):
                valid_loss = self._look(done, self.valid)
                is_best = self.looks.note(done, valid_loss)
                is_last = is_last or self.looks.is_enough
            if self.sampler and self.sampler.is_due(done):
                model = self.world.whole_model(self.model)
                if model is not None:
                    self.sampler.write(done, model)
            self._save(done, required=is_last or stopping, is_best=is_best)
            if stopping and not is_last:
                raise Interrupted(
                    f"Stopped after step {done} of {steps}; the state is saved.",
                    "Run the same command again to go on.",
                )
        return self._finish(valid_loss)

    def _finish(self, valid_loss: float | None) -> float | None:
        """The loss of the model that the run ends with, which is put in place."""
        if self.recipe.validation.keep_best and self.looks.best_step:
            self.checkpoints.restore(self.looks.best_step, self.state)
            return self.looks.best_loss
        if self.recipe.checkpoints.average > 1:
            steps = self.checkpoints.restore_mean(self.recipe.checkpoints.average, self.state)
            mean_loss = self._measured(self.valid) if self.valid else None
            self.journal.event(steps[-1], "average", steps=steps, loss=mean_loss)
            return mean_loss
        if valid_loss is None and self.valid:  # the run was over before it began
            return self._look(self.recipe.training.steps, self.valid)
        return valid_loss

    def _step(self, step: int) -> float:
        """One update: the gradient of the mean loss over the batch, clipped, then applied."""
        recipe, loop = self.recipe, self.recipe.training
        started = time.perf_counter()
        rate = recipe.schedule.factor(step, steps=loop.steps)
        set_rate(self.state.optimizers, rate)
        batch = self.batches.of(step)
        parts, n_targets = self._portions(batch), max(1, batch.n_targets)
        self.model.train()
        self._seed(step)
        total = torch.zeros((), device=self.device)
        for i, part in enumerate(parts, 1):
            with self.world.adding_up(self._loss_of_all, is_last=i == len(parts)):
                with self._autocast():
                    loss = self._loss_of_all(part.to(self.device))
                self.scaler.scale(loss / n_targets).backward()
            total += loss.detach()
        mean = self.world.sum(total.item())[0] / n_targets
        norm = self._update(step, mean, batch, parts)
        self.journal.step(
            step + 1,
            {"loss": mean, "gradient_norm": round(norm, 4), "rate": round(rate, 6)},
            tokens=batch.n_tokens,
            seconds=time.perf_counter() - started,
            show=(step + 1) % recipe.log.every == 0,
        )
        return mean

    def _portions(self, batch: Batch) -> Sequence[Batch | Idle]:
        """This process's: of rows that are shorter than the context as many more at once."""
        more = max(1, self.recipe.model.n_ctx // batch.width)
        return self.world.share(batch, more * self.recipe.training.micro_batch_size)

    def _update(self, step: int, loss: float, batch: Batch, parts: Sequence[Batch | Idle]) -> float:
        """Makes the update, if loss and gradient are finite; returns the gradient's norm."""
        parameters = list(self.model.parameters())
        finite = self.scaler.unscale(parameters)
        self.scaler.update(finite)
        grads = [p.grad for p in parameters if p.grad is not None]
        total_norm = whole(nn.utils.get_total_norm(grads))
        norm = total_norm.item()
        overflow = not finite and math.isfinite(loss) and not self.scaler.is_exhausted
        if overflow:
            self.journal.event(step + 1, "overflow", scale=self.scaler.factor)
        if not overflow and self.guard.passes(
            step + 1, loss=loss, norm=norm, batch=batch, trace=lambda: self._trace(step, parts)
        ):
            if limit := self.recipe.optimizer.clip:
                nn.utils.clip_grads_with_norm_(parameters, limit, total_norm)
            for optimizer in self.state.optimizers.values():
                optimizer.step()
        for optimizer in self.state.optimizers.values():
            optimizer.zero_grad()
        return norm

    def _trace(self, step: int, parts: Sequence[Batch | Idle]) -> str:
        """Where the first number of a step is that is not finite."""
        if self.world.is_sharded:  # a block cannot run in one process alone
            return first_not_finite(self.model, [], self.objective)
        self._seed(step)
        mine = [part.to(self.device) for part in parts if not isinstance(part, Idle)]
        with self._autocast():
            return self.world.first(first_not_finite(self.model, mine, self.objective))

    def _look(self, done: int, valid: Batch) -> float:
        """The mean loss in nats per token over the validation batch, also for the journal."""
        mean = self._measured(valid)
        said = {"loss": mean}
        if self.bytes_per_token is not None:
            said["bits_per_byte"] = mean / math.log(2) / self.bytes_per_token
        self.journal.event(done, "valid", **said)
        return mean

    @torch.no_grad()
    def _measured(self, valid: Batch) -> float:
        self.model.eval()
        total = 0.0
        for part in self._portions(valid):
            with self._autocast():
                total += self._loss(part.to(self.device)).item()
        return self.world.sum(total)[0] / max(1, valid.n_targets)

    def _autocast(self) -> torch.autocast:
        dtype = _AUTOCAST.get(self.recipe.training.precision)
        return torch.autocast(self.device.type, dtype, enabled=dtype is not None)

    def _seed(self, step: int) -> None:
        # Dropout follows from the step too, and no two processes have the same.
        torch.manual_seed(self.recipe.seed + (step << 32) + self.world.rank * 0x9E3779B9)

    def _settle(self, step: int) -> None:
        """See :meth:`World.settle`; with the batch of the next step, of which nothing is learnt."""
        if self.world.size > 1 and step < self.recipe.training.steps:
            self.model.train()
            with self._autocast():
                self.world.settle(self._loss_of_all, self.batches.of(step).to(self.device))

    def _save(self, done: int, *, required: bool, is_best: bool) -> None:
        keep_best = self.recipe.validation.keep_best
        if required or (is_best and keep_best) or not done % self.recipe.checkpoints.every:
            self.state.extra.update(
                {
                    "looks": self.looks.state(),
                    "scaler": self.scaler.state(),
                    "skipped": self.guard.skipped,
                }
            )
            saved = self.checkpoints.save(
                done,
                self.state,
                self.recipe.to_dict(),
                required=required,
                spare=[self.looks.best_step] if keep_best else [],
            )
            if not saved and is_best and keep_best:
                self.looks.take_back()

    def _resume(self) -> tuple[int, Path | None]:
        """Loads the newest checkpoint; returns the number of steps behind it, and where it is."""
        saved = self.checkpoints.resume(self.state, partial(check_same_run, now=self.recipe))
        step, directory = (0, None) if saved is None else (saved.step, saved.directory)
        if saved is not None:
            self.looks.restore(self.state.extra["looks"])
            self.scaler.restore(self.state.extra["scaler"])
            self.guard.skipped = self.state.extra["skipped"]
        if self.sampler and self.world.is_main:
            self.sampler.resumed(step)
        return step, directory
