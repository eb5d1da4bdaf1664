"""The mask laboratory's stages: all of them as pixels, some rows of them as numbers."""

from typing import Any, Literal

from fastapi import APIRouter, Request, Response

from cutaway.interp.masklab import MaskLab, masklab
from cutaway.server import schema
from cutaway.server.frames import Layout, encode_frame, join_frames
from cutaway.server.routes.models import FRAMES, frames
from cutaway.server.routes.runs import found_run
from cutaway.server.slices import TooManyNumbers
from cutaway.server.telling import part

__all__ = ["router"]

router = APIRouter(prefix="/api/runs/{run}", tags=["looks"])
_STAGES = ("qk", "scaled", "masked", "pattern")
_MOST = 1 << 20  # numbers of a stage


@router.get("/masklab", responses=FRAMES, response_class=Response)
def mask_laboratory(
    request: Request,
    run: schema.RunId,
    layer: schema.Layer,
    head: schema.Head,
    mask: Literal["none", "-inf", "-1e9", "-1e10", "min"] = "-inf",
    dtype: Literal["f4", "f2"] = "f4",
    rows: schema.Slice = None,
    codes: bool = False,
) -> Response:
    """Frames of the stages qk, scaled, masked, pattern and lost, computed in ``dtype``.

    With ``codes`` they come as one byte for each cell, for pixels, and what a mask hides is left
    out; else as the numbers themselves. JSON has no infinity: the headers count them.
    """
    opened, hosted = found_run(request, run)
    places = part("rows", rows, len(opened.ids))
    if (places.stop - places.start) * len(opened.ids) > _MOST:
        raise TooManyNumbers("So many rows are too large at once.", "Ask for some rows.")
    with hosted.lock:
        found = masklab(
            opened,
            layer=layer,
            head=head,
            mask=mask,
            dtype="float32" if dtype == "f4" else "float16",
            rows=places,
        )
    whose: dict[str, Any] = {"model": hosted.fingerprint, "run": opened.id}
    about: dict[str, Any] = {
        "mask_value": None if found.value is None else str(found.value),
        "start": places.start,
        "farthest": str(found.farthest),
        "future": found.n_future,
        "leaking": found.n_leaking,
    }
    made = [
        encode_frame(
            name,
            getattr(found, name),
            nan=found.odd[name].nan,
            posinf=found.odd[name].posinf,
            neginf=found.odd[name].neginf,
            **(_pixels(found, name) if codes else {"dtype": dtype}),
            **about,
            **whose,
        )
        for name in _STAGES
    ]
    if found.lost_row is not None:
        made.append(encode_frame("lost", found.lost_row, dtype=dtype, **whose))
    return frames(join_frames(made), forever=True)


def _pixels(found: MaskLab, stage: str) -> dict[str, Any]:
    """How a stage is coded; a triangle where the mask hides the rest of a square."""
    height, width = found.qk.shape
    is_hidden = found.value is not None and stage in ("masked", "pattern")
    layout: Layout = "tri" if is_hidden and height == width else "dense"
    return {
        "dtype": "u1",
        "layout": layout,
        "is_probability": stage == "pattern",
        "odd_scale": (found.extent_qk if stage == "qk" else found.extent_scaled) or 1.0,
    }
