"""Pictures for files: shapes, written as SVG or as PNG; charts of curves; no torch."""

from cutaway.drawing.chart import Chart, Curve, chart_picture
from cutaway.drawing.files import check_picture, write_picture
from cutaway.drawing.shapes import DIM, INK, Line, Picture, Rect, Text
from cutaway.drawing.svg import svg

__all__ = [
    "DIM",
    "INK",
    "Chart",
    "Curve",
    "Line",
    "Picture",
    "Rect",
    "Text",
    "chart_picture",
    "check_picture",
    "svg",
    "write_picture",
]
