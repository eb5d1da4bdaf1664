"""The trackers there are; each module is imported when a run asks for it."""

from importlib import import_module
from importlib.util import find_spec
from typing import cast

from cutaway.errors import MissingExtra
from cutaway.training.tracking import KNOWN, LogConfig, Tracker

__all__ = ["check_trackers", "open_trackers"]


def check_trackers(config: LogConfig) -> None:
    """Whether what the trackers need is installed; asked before anything takes time.

    Raises:
        MissingExtra: if it is not.
    """
    for name in config.trackers:
        found = find_spec(name)
        if found is None or found.origin is None:  # a mere folder of that name, as W&B leaves
            raise MissingExtra(
                f"The tracker {name} is not installed.",
                f"Install it with: pip install 'cutaway[{name}]', or take it out of log.trackers.",
            )


def open_trackers(config: LogConfig) -> list[Tracker]:
    """Those that a recipe names, ready to start.

    Raises:
        MissingExtra: if one is not installed.
    """
    check_trackers(config)
    return [_open(name, config) for name in dict.fromkeys(config.trackers)]


def _open(name: str, config: LogConfig) -> Tracker:
    module = import_module(f"cutaway.training.trackers.{KNOWN[name]}")
    return cast(Tracker, module.open_tracker(config))
