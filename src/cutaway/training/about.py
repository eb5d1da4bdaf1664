"""What a run is, for the first line of its journal: recipe, versions, machine, sizes."""

import platform
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from torch import nn

from cutaway import __version__
from cutaway.processor import processor_name
from cutaway.training.flops import flops_per_token, peak_of
from cutaway.training.journal import Journal
from cutaway.training.recipe import Recipe
from cutaway.training.trackers import open_trackers

__all__ = ["device_name", "journal_of"]


def journal_of(
    directory: Path,
    model: nn.Module,
    recipe: Recipe,
    *,
    corpora: Mapping[str, int | None],
    context: int | None = None,
    processes: int = 1,
    silent: bool = False,
) -> Journal:
    """The journal of a run in its directory.

    Args:
        directory: of the run.
        model: on the device where it is trained.
        recipe: of the run.
        corpora: tokens by purpose, such as ``train`` and ``valid``; None where not counted.
        context: positions of a row, where that is not the model's.
        processes: that train together, each on such a device.
        silent: for a process that shares a run which another one tells of.

    Raises:
        MissingExtra: if the recipe names a tracker that is not installed.
    """
    steps = recipe.training.steps
    if silent:
        return Journal(None, steps=steps)
    flops = flops_per_token(recipe.model, context)
    device = device_name(next(model.parameters()).device)
    peak = recipe.log.peak_tflops * 1e12 or peak_of(device, recipe.training.precision)
    peak = peak * processes if peak else None
    about = {
        "recipe": recipe.to_dict(),
        "versions": _versions(),
        "device": device,
        "processes": processes,
        "threads": torch.get_num_threads(),
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "corpus_tokens": dict(corpora),
        "flops_per_token": flops,
        "peak_flops": peak,
    }
    return Journal(
        directory / "log.jsonl",
        steps=steps,
        about=about,
        flops_per_token=flops,
        peak=peak,
        trackers=open_trackers(recipe.log),
    )


def device_name(device: torch.device) -> str:
    """As its driver calls it; of a processor, as Linux calls it."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type != "cpu":
        return device.type
    return processor_name()


def _versions() -> dict[str, str]:
    return {
        "cutaway": __version__,
        "torch": torch.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
