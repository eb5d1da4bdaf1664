"""``cutaway.explore``: the explorer in a cell of a notebook, with no port and no address."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cutaway.errors import ConfigError, MissingExtra, nearest
from cutaway.generation import LanguageModel, load

if TYPE_CHECKING:
    from cutaway.server.widget import ExplorerWidget

__all__ = ["explore"]

_MIN_HEIGHT, _MAX_HEIGHT = 240, 10_000
_MAX_TEXT = 2_000_000
_MAX_PLACE = 8_000_000  # a text of a million ids


def explore(
    lm: LanguageModel | str | Path | Sequence[LanguageModel | str | Path] = "pocket",
    text: str | None = None,
    *,
    view: str = "keyboard",
    place: str = "",
    height: int = 760,
) -> "ExplorerWidget":
    """The article live in a notebook's cell: the views of ``cutaway explore``, on your text.

    Args:
        lm: the model, or several to choose from; a name or a path is loaded.
        text: to begin with; "" begins from end-of-text, None with a text of the explorer's own.
        view: the drawing to open, by its name in the explorer's address (``v=``).
        place: a whole state, as "Copy a notebook cell" writes it; goes before text and view.
        height: of the widget in pixels; it scrolls inside.

    Raises:
        MissingExtra: if the extra ``[notebook]`` is not installed.
        ConfigError: for a view, height or text that cannot be.
        CheckpointError: as :func:`cutaway.load` does.
    """
    try:
        from cutaway.server.app import STATIC, create_app
        from cutaway.server.widget import ExplorerWidget
    except ImportError as error:
        raise MissingExtra(
            f"The explorer in a notebook needs {error.name}, which is not installed.",
            "Install it with: pip install 'cutaway[notebook]'",
        ) from error
    built = STATIC / "notebook"
    _check(text=text, view=view, place=place, height=height, built=built)
    named = [lm] if isinstance(lm, LanguageModel | str | Path) else lm
    models = [one if isinstance(one, LanguageModel) else load(one) for one in named]
    return ExplorerWidget(
        create_app(models),
        _esm=(built / "loader.js").read_text(encoding="utf-8"),
        code=hashlib.sha256((built / "widget.js").read_bytes()).hexdigest()[:16],
        place=place or f"#v={view}",
        text=text,
        height=height,
    )


def _check(*, text: str | None, view: str, place: str, height: int, built: Path) -> None:
    if not (built / "loader.js").is_file() or not (built / "widget.js").is_file():
        raise ConfigError("The notebook's widget is not built.", "In a clone, run: make explore")
    views = json.loads((built / "views.json").read_text(encoding="utf-8"))
    if view not in views:
        raise ConfigError(f"There is no view {view!r}.", nearest(str(view), views))
    if not _MIN_HEIGHT <= height <= _MAX_HEIGHT:
        raise ConfigError(
            f"height is {height!r}.", f"It must be a whole number, {_MIN_HEIGHT} to {_MAX_HEIGHT}."
        )
    if text is not None and len(text) > _MAX_TEXT:
        raise ConfigError(f"The text has {len(text):,} characters.", f"At most {_MAX_TEXT:,}.")
    if len(place) > _MAX_PLACE or (place and not place.startswith("#")):
        raise ConfigError(f"place is {place[:60]!r}.", "It begins with #, as a copied cell has it.")
