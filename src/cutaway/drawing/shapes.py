"""What a picture is made of: few shapes, so that each way of writing them stays short."""

from dataclasses import dataclass, field

__all__ = ["DIM", "INK", "Line", "Picture", "Rect", "Shape", "Text"]

INK, DIM = "#1f2328", "#656d76"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rect:
    """A box, filled or outlined; lengths in pixels, y grows downwards."""

    x: float
    y: float
    width: float
    height: float
    fill: str = "none"
    stroke: str = "none"
    dashed: bool = False
    radius: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """Points joined by straight lines; filled, it is an area."""

    points: tuple[tuple[float, float], ...]
    stroke: str = "none"
    width: float = 1.0
    dashed: bool = False
    fill: str = "none"
    opacity: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Text:
    """A line of text on its baseline.

    Attributes:
        anchor: ``start``, ``middle`` or ``end``: what of the text is at ``x``.
    """

    x: float
    y: float
    text: str
    fill: str = INK
    size: int = 13
    bold: bool = False
    anchor: str = "start"


Shape = Rect | Line | Text


@dataclass(slots=True)
class Picture:
    """Shapes on white, those added later above those before.

    Attributes:
        width: in pixels.
        height: in pixels.
        title: what it shows, for those who cannot see it.
        shapes: all of them.
    """

    width: float
    height: float
    title: str
    shapes: list[Shape] = field(default_factory=list[Shape])

    def add(self, *shapes: Shape) -> None:
        """Puts shapes on top."""
        self.shapes.extend(shapes)


def printable(text: str) -> str:
    """A name may be a path with anything in it; XML takes no control characters."""
    return "".join(char if char.isprintable() else "\ufffd" for char in text)
