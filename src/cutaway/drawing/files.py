"""A picture in a file: SVG always, PNG where Pillow is installed."""

from importlib.util import find_spec
from pathlib import Path

from cutaway.drawing.png import png
from cutaway.drawing.shapes import Picture
from cutaway.drawing.svg import svg
from cutaway.errors import ConfigError, MissingExtra
from cutaway.files import atomic_write

__all__ = ["check_picture", "write_picture"]


def check_picture(path: Path, option: str) -> None:
    """Whether a picture can be written there, asked before any work is done for it.

    Args:
        path: of the file.
        option: that named it, such as ``--plot``.

    Raises:
        ConfigError: for another kind of file, or a folder that does not exist.
        MissingExtra: for a PNG without Pillow.
    """
    if path.suffix.lower() not in (".svg", ".png"):
        raise ConfigError(
            f"{option} {path}: a plot is .svg or .png.",
            f"Name a file such as {path.stem or 'plot'}.svg.",
        )
    if path.suffix.lower() == ".png" and find_spec("PIL") is None:
        raise MissingExtra(
            f"{option} {path}: a PNG needs Pillow, which is not installed.",
            f"Name {path.with_suffix('.svg')} instead, or: pip install 'cutaway[plot]'",
        )
    if not path.parent.is_dir():
        raise ConfigError(f"{option} {path}: there is no folder {path.parent}.", "Make it first.")


def write_picture(path: Path, picture: Picture) -> None:
    """Writes a picture, which is there whole or not at all, as its name's ending says.

    Raises:
        ResourceError: if the disk is full or refuses.
    """
    is_svg = path.suffix.lower() == ".svg"
    content = svg(picture).encode() if is_svg else png(picture)
    with atomic_write(path) as file:
        file.write(content)
