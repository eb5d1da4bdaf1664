"""The one training loop.

It knows a model, an objective and windows of tokens, and no file but the run's own. A step is
a function of the state and of the step's number: the batch, the learning rate and the random draws
follow from it, so a run that stops anywhere goes on exactly where it was.
"""

import math
import time
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor, nn

from cutaway.data import Deal
from cutaway.errors import ConfigError, Interrupted, TrainingDiverged
from cutaway.models import Decoder
from cutaway.training.checkpoint import Checkpoints, TrainingState
from cutaway.training.journal import Journal
from cutaway.training.objectives import causal_lm
from cutaway.training.optimizers import build_optimizers, set_rate
from cutaway.training.process import denormals_flushed, memory_kept
from cutaway.training.recipe import Recipe
from cutaway.training.signals import StopRequest

__all__ = ["Loop"]


class Loop:
    """Trains ``model`` by ``recipe`` on windows of tokens.

    Args:
        model: trained in place, in float32.
        recipe: everything that decides the outcome.
        train: windows of ``n_ctx + 1`` tokens.
        final: windows of the last ``training.final_steps``, where there are such.
        valid: windows to measure on, or None.
        directory: the run's own; checkpoints and the journal are in it.
        bytes_per_token: of the validation text, to report bits per byte.
    """

    def __init__(
        self,
        model: Decoder,
        recipe: Recipe,
        *,
        train: Deal,
        final: Deal | None = None,
        valid: Deal | None,
        directory: Path,
        bytes_per_token: float = 1.0,
    ) -> None:
        self.model, self.recipe = model, recipe
        self.train_windows, self.final_windows = train, train if final is None else final
        self.valid_windows, self.bytes_per_token = valid, bytes_per_token
        if recipe.training.short_steps:
            length = recipe.training.short_window + 1
            self._short_windows = self.train_windows.cut_to(length)
            self._short_final_windows = self.final_windows.cut_to(length)
        self.state = TrainingState(model, build_optimizers(model, recipe.optimizer))
        self.checkpoints = Checkpoints(directory / "checkpoints", keep=recipe.training.keep)
        self.journal = Journal(directory / "log.jsonl", steps=recipe.training.steps)
        self._loss = torch.compile(causal_lm) if recipe.training.compile else causal_lm

    def run(self, stop: StopRequest | None = None) -> float | None:
        """Trains to the last step, from the newest checkpoint if there is one.

        Args:
            stop: set from outside to end the run after the current step, with a checkpoint.

        Returns:
            The last validation loss in nats per token; None without a validation corpus.

        Raises:
            Interrupted: if ``stop`` was set; the state is saved.
            TrainingDiverged: before an update whose loss or gradient is not finite.
        """
        with torch.random.fork_rng(), denormals_flushed(), memory_kept():
            return self._run(stop)

    def _run(self, stop: StopRequest | None) -> float | None:
        loop, first = self.recipe.training, self._resume()
        valid_loss = None
        for step in range(first, loop.steps):
            self._step(step)
            done, is_last = step + 1, step + 1 == loop.steps
            stopping = stop is not None and stop.is_set
            if self.valid_windows and (is_last or (loop.eval_every and not done % loop.eval_every)):
                valid_loss = self._evaluate(done, self.valid_windows)
            if is_last or stopping or not done % loop.save_every:
                self.checkpoints.save(done, self.state, self.recipe.to_dict())
            if stopping and not is_last:
                raise Interrupted(
                    f"Stopped after step {done} of {loop.steps}; the state is saved.",
                    "Run the same command again to go on.",
                )
        if valid_loss is None and self.valid_windows:  # the run was over before it began
            valid_loss = self._evaluate(loop.steps, self.valid_windows)
        return valid_loss

    def _step(self, step: int) -> None:
        """One update: the gradient of the mean loss over the batch, clipped, then applied."""
        recipe, loop = self.recipe, self.recipe.training
        started = time.perf_counter()
        rate = recipe.schedule.factor(step, steps=loop.steps)
        set_rate(self.state.optimizers, rate)
        batch, n_rows = self._batch(step)
        n_targets = batch[:, 1:].numel()
        total = 0.0
        torch.manual_seed(recipe.seed + (step << 32))  # dropout follows from the step too
        self.model.train()
        for rows in batch.split(n_rows):
            with self._autocast():
                loss, _ = self._loss(self.model, rows)
            (loss / n_targets).backward()
            total += loss.item()
        norm = self._gradient_norm()
        self._check_finite(step, total, norm)
        for optimizer in self.state.optimizers.values():
            optimizer.step()
            optimizer.zero_grad()
        self.journal.train(
            step + 1,
            loss=total / n_targets,
            gradient_norm=norm,
            rate=rate,
            tokens=n_targets,
            seconds=time.perf_counter() - started,
            show=(step + 1) % loop.log_every == 0,
        )

    def _batch(self, step: int) -> tuple[Tensor, int]:
        """The windows of a step, and how many of them go through the model at once."""
        loop = self.recipe.training
        is_final = step >= loop.steps - loop.final_steps
        windows = self.final_windows if is_final else self.train_windows
        n_windows, n_rows = loop.batch_size, loop.micro_batch_size
        if step < loop.short_steps:
            windows = self._short_final_windows if is_final else self._short_windows
            more = self.recipe.model.n_ctx // loop.short_window
            n_windows, n_rows = n_windows * more, n_rows * more
        return torch.from_numpy(windows.batch(step=step, size=n_windows)), n_rows

    def _gradient_norm(self) -> float:
        """The global norm of the gradient, which is scaled down to the limit of the recipe."""
        limit = self.recipe.optimizer.clip or math.inf
        return nn.utils.clip_grad_norm_(self.model.parameters(), limit).item()

    def _check_finite(self, step: int, loss: float, norm: float) -> None:
        if math.isfinite(loss) and math.isfinite(norm):
            return
        bad = [
            name
            for name, p in self.model.named_parameters()
            if p.grad is not None and not p.grad.isfinite().all()
        ]
        raise TrainingDiverged(
            f"Step {step + 1}: loss {loss}, gradient norm {norm}"
            + (f", first at {bad[0]}." if bad else "."),
            "Nothing was updated. Lower optimizer.lr or lengthen schedule.warmup_steps; "
            "the last checkpoint is unharmed.",
        )

    @torch.no_grad()
    def _evaluate(self, step: int, windows: Deal) -> float:
        """The mean loss in nats per token over the same first windows at every look."""
        loop = self.recipe.training
        self.model.eval()
        total, n_targets = 0.0, 0
        n_windows = min(loop.eval_windows, windows.per_epoch)
        rows = torch.from_numpy(windows.batch(step=0, size=n_windows))
        for part in rows.split(loop.micro_batch_size):
            with self._autocast():
                loss, n = causal_lm(self.model, part)
            total, n_targets = total + loss.item(), n_targets + n
        mean = total / n_targets
        bits_per_byte = mean / math.log(2) / self.bytes_per_token
        self.journal.valid(step, loss=mean, bits_per_byte=bits_per_byte)
        return mean

    def _autocast(self) -> torch.autocast:
        device = self.model.wte.weight.device.type
        return torch.autocast(
            device, torch.bfloat16, enabled=self.recipe.training.precision == "bf16"
        )

    def _resume(self) -> int:
        """Loads the newest checkpoint; returns the number of steps it has behind it."""
        newest = self.checkpoints.newest()
        if newest is None:
            return 0
        saved, now = Recipe.from_dict(self.checkpoints.recipe_of(newest)), self.recipe
        data = saved.data
        if not saved.training.final_steps:  # a run may get such an end while it goes on
            data = replace(data, final=now.data.final)
        for part, was in {
            "seed": saved.seed,
            "model": saved.model,
            "tokenizer": saved.tokenizer,
            "data": data,
        }.items():
            if was != getattr(now, part):
                raise ConfigError(
                    f"{newest} was made with {part} = {was}, not {getattr(now, part)}.",
                    "Choose another output directory, or go on with the same recipe.",
                )
        step = self.checkpoints.restore(newest, self.state)
        self.journal.resumed(step, newest)
        return step
