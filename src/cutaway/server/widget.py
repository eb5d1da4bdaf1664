"""The explorer as a widget of a notebook. The only module that needs anywidget.

What a notebook stores of it is small: a loader, the place, the text. The page's code comes over
the same messages as every answer, once for each page, so that a saved notebook does not grow with
each cell, and without a kernel the loader says what is missing.
"""

from html import escape
from typing import Any

import anywidget
import traitlets
from fastapi import FastAPI

from cutaway.server.inprocess import InProcess

__all__ = ["ExplorerWidget"]


class ExplorerWidget(anywidget.AnyWidget):
    """What :func:`cutaway.explore` returns; shown by being the last line of a cell.

    Attributes:
        place: where the reader is (view, text, layer, head ...): ``explore(lm, place=w.place)``
            opens the same again.
    """

    _esm = traitlets.Unicode().tag(sync=True)
    code = traitlets.Unicode().tag(sync=True)
    place = traitlets.Unicode().tag(sync=True)
    text = traitlets.Unicode(None, allow_none=True).tag(sync=True)
    height = traitlets.Int().tag(sync=True)

    def __init__(self, app: FastAPI, **state: object) -> None:
        self._server = InProcess(app, self._answer)
        self._named = app.state.store.model(None).name
        super().__init__(**state)
        self.on_msg(self._receive)

    def close(self) -> None:
        """Removes it from the notebook, stops what it computes and frees the memory it holds."""
        self._server.close()
        super().close()

    def _receive(self, _: object, content: object, __: object) -> None:
        self._server.receive(content)

    def _answer(self, head: dict[str, Any], data: bytes) -> None:
        self.send(head, [data])

    def __repr__(self) -> str:
        return f"<cutaway.explore of {self._named!r}>"

    def _repr_mimebundle_(self, **options: Any) -> tuple[dict[str, Any], dict[str, Any]] | None:
        """As any widget; where there is no kernel, words and not a blank."""
        found = super()._repr_mimebundle_(**options)
        if found is None:
            return None
        bundle, metadata = found
        said = (
            f"Cutaway's explorer of the model {self._named!r}. "
            "It is live: run this cell in a notebook to see it."
        )
        return {**bundle, "text/plain": said, "text/html": f"<p>{escape(said)}</p>"}, metadata
