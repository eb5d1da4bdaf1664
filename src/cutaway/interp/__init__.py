"""Recording, patching and ablating through taps: one mechanism, and no hooks.

A tap is handed to one forward pass and sees that pass alone; nothing is installed on the model::

    recorder = Recorder({"h.3.attn.pattern"})
    logits = model(tokens, tap=recorder)
    recorder.values["h.3.attn.pattern"]  # (B, H, T, S)
"""

from cutaway.interp.changes import Edits, HeadPatch
from cutaway.interp.edit import Ablator, Patcher
from cutaway.interp.record import Recorder
from cutaway.interp.runs import Run
from cutaway.interp.sites import Chain, SiteTap, site_names

__all__ = [
    "Ablator",
    "Chain",
    "Edits",
    "HeadPatch",
    "Patcher",
    "Recorder",
    "Run",
    "SiteTap",
    "site_names",
]
