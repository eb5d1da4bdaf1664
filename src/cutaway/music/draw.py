"""The picture of a performance as a model reads it: one-hot columns, one for each event."""

from collections.abc import Sequence

from cutaway.drawing import DIM, Picture, Rect, Text
from cutaway.errors import DataError
from cutaway.music.events import END, EVENTS, N_EVENTS

__all__ = ["MAX_DRAWN", "one_hot_picture"]

MAX_DRAWN = 2000
"""Events of one picture."""
_COLOURS = ("#0969da", "#6e7781", "#1a7f37", "#bc4c00")
_ROW, _GAP, _LEFT, _TOP = 1.25, 22, 132, 44  # pixels of an event's row, and around the blocks
_FEW = 48  # events that are so few that each has room for its number


def one_hot_picture(ids: Sequence[int], title: str) -> Picture:
    """Four strips, one for each kind of event; a column has one filled cell, that of its event.

    Args:
        ids: events, the first at the left.
        title: what they are of.

    Raises:
        DataError: for none, more than ``MAX_DRAWN``, or an id that is no event.
    """
    if not 0 < len(ids) <= MAX_DRAWN:
        raise DataError(f"A picture of {len(ids):,} events.", f"Draw 1 to {MAX_DRAWN:,}.")
    wrong = next((id for id in ids if not 0 <= id < N_EVENTS), None)
    if wrong is not None:
        raise DataError(
            f"The event {wrong} cannot be drawn.",
            f"Ids of events go from 0 to {N_EVENTS - 1}; {END} is the end of a performance.",
        )
    wide = 22.0 if len(ids) <= _FEW else 4.0
    height = _TOP + sum(block.count * _ROW + _GAP for block in EVENTS)
    picture = Picture(_LEFT + wide * len(ids) + 16, height, f"{title}, one-hot")
    picture.add(Text(x=12, y=22, text=f"{title}: {len(ids):,} events, one-hot", bold=True))
    tops: list[float] = []
    top = float(_TOP)
    for block, colour in zip(EVENTS, _COLOURS, strict=True):
        tops.append(top)
        tall = block.count * _ROW
        picture.add(
            Rect(x=_LEFT, y=top, width=wide * len(ids), height=tall, fill="#f6f8fa"),
            Text(x=12, y=top + 12, text=block.name, fill=colour),
            Text(x=12, y=top + 27, text=_meaning(block.first_id), fill=DIM, size=10),
        )
        top += tall + _GAP
    for number, id in enumerate(ids):
        kind = max(i for i, block in enumerate(EVENTS) if block.first_id <= id)
        _fill(picture, _LEFT + wide * number, wide, tops[kind], id, kind)
    return picture


def _meaning(first_id: int) -> str:
    block = next(block for block in EVENTS if block.first_id == first_id)
    return f"{block.first_value} to {block.first_value + block.count - 1}, ids from {first_id}"


def _fill(picture: Picture, x: float, wide: float, top: float, id: int, kind: int) -> None:
    """One event's cell; low numbers are at the bottom, as low notes are."""
    block, tall = EVENTS[kind], 3 * _ROW
    y = top + (block.count - 1 - (id - block.first_id)) * _ROW
    picture.add(Rect(x=x, y=y - _ROW, width=wide - 1, height=tall, fill=_COLOURS[kind]))
    if wide > 10:
        value = str(block.first_value + id - block.first_id)
        below = y + tall + 8 if y + tall + 10 < top + block.count * _ROW else y - 3
        picture.add(Text(x=x + wide / 2, y=below, text=value, fill=DIM, size=9, anchor="middle"))
