"""A picture as a PNG, through Pillow: one small package that brings a font of its own.

A font of its own because a server often has none; small because nobody should install a plotting
library to see a curve. Pillow's shapes have jagged edges, so they are drawn four times as large as
asked for and shrunk to twice that size, which suits screens of today.
"""

import importlib
import io
from itertools import pairwise
from typing import Any

from cutaway.drawing.shapes import Line, Picture, Rect, Text, printable

__all__ = ["png"]

_DRAWN, _KEPT = 4, 2  # times the size in pixels
_DASH = 3.0
_ANCHORS = {"start": "ls", "middle": "ms", "end": "rs"}


def png(picture: Picture) -> bytes:
    """The whole file."""
    image_module: Any = importlib.import_module("PIL.Image")
    size = (round(picture.width * _DRAWN), round(picture.height * _DRAWN))
    canvas = _Canvas(image_module.new("RGB", size, "#ffffff"))
    for shape in picture.shapes:
        match shape:
            case Rect():
                canvas.rect(shape)
            case Line():
                canvas.line(shape)
            case Text():
                canvas.text(shape)
    kept = (round(picture.width * _KEPT), round(picture.height * _KEPT))
    small = canvas.image.resize(kept, image_module.Resampling.LANCZOS)
    file = io.BytesIO()
    small.save(file, format="png", dpi=(72 * _KEPT, 72 * _KEPT))
    return file.getvalue()


class _Canvas:
    """An image that takes shapes."""

    def __init__(self, image: Any) -> None:
        self.image = image
        self._fonts: Any = importlib.import_module("PIL.ImageFont")
        # RGBA mode blends what is drawn with what is there.
        self._draw: Any = importlib.import_module("PIL.ImageDraw").Draw(image, "RGBA")

    def rect(self, shape: Rect) -> None:
        """Filled, or its outline."""
        x, y = shape.x, shape.y
        right, bottom = x + shape.width, y + shape.height
        box = [x * _DRAWN, y * _DRAWN, right * _DRAWN - 1, bottom * _DRAWN - 1]
        if shape.fill != "none":
            self._draw.rounded_rectangle(box, shape.radius * _DRAWN, fill=shape.fill)
        if shape.stroke != "none":
            around = ((x, y), (right, y), (right, bottom), (x, bottom), (x, y))
            self.line(Line(points=around, stroke=shape.stroke, dashed=shape.dashed))

    def line(self, shape: Line) -> None:
        """Filled, and joined."""
        points = [(x * _DRAWN, y * _DRAWN) for x, y in shape.points]
        alpha = round(255 * shape.opacity)
        if shape.fill != "none" and len(points) > 2:
            self._draw.polygon(points, fill=f"{shape.fill}{alpha:02x}")
        if shape.stroke == "none":
            return
        width = max(1, round(shape.width * _DRAWN))
        for part in _dashes(points) if shape.dashed else [points]:
            self._draw.line(part, fill=f"{shape.stroke}{alpha:02x}", width=width, joint="curve")

    def text(self, shape: Text) -> None:
        """In the one font there is; bold by a thin outline."""
        font = self._fonts.load_default(shape.size * _DRAWN)
        outline = shape.size * _DRAWN // 40 if shape.bold else 0
        place, anchor = (shape.x * _DRAWN, shape.y * _DRAWN), _ANCHORS[shape.anchor]
        self._draw.text(
            place, printable(shape.text), fill=shape.fill, font=font, anchor=anchor,
            stroke_width=outline, stroke_fill=shape.fill,
        )  # fmt: skip


def _dashes(points: list[tuple[float, float]]) -> list[list[tuple[float, float]]]:
    """The drawn pieces of a dashed line, its rhythm going on around corners."""
    length, walked = _DASH * _DRAWN, 0.0
    pieces: list[list[tuple[float, float]]] = []
    for (x0, y0), (x1, y1) in pairwise(points):
        whole = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        done = 0.0
        while done < whole - 1e-6:
            step = min(length - walked % length, whole - done)
            step = max(step, 1e-6)
            if int(walked / length + 1e-9) % 2 == 0:
                a, b = done / whole, (done + step) / whole
                start = (x0 + a * (x1 - x0), y0 + a * (y1 - y0))
                pieces.append([start, (x0 + b * (x1 - x0), y0 + b * (y1 - y0))])
            done, walked = done + step, walked + step
    return pieces
