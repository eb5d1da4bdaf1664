"""MIDI files in and out: a performance as the ids of a music model, and a run as a file."""

import base64
import binascii

from fastapi import APIRouter, Request, Response

from cutaway.errors import ConfigError
from cutaway.music.events import decode, encode
from cutaway.music.midi import midi_of, read_midi
from cutaway.server import schema
from cutaway.server.routes.runs import found_run
from cutaway.server.store import Hosted, Store
from cutaway.server.telling import vocabulary_of

__all__ = ["NotMusic", "router"]

router = APIRouter(prefix="/api", tags=["piano"])


class NotMusic(ConfigError):
    """A model whose words are no events of performances is asked for music."""


@router.post("/models/{model}/midi")
def performed(request: Request, model: schema.ModelName, body: schema.MidiBody) -> schema.Performed:
    """Reads a MIDI file of any length as the events of the model's vocabulary."""
    store: Store = request.app.state.store
    hosted = _musical(store.model(model))
    try:
        data = base64.b64decode(body.data, validate=True)
    except (binascii.Error, ValueError):
        raise ConfigError("data is no base64.", "Send the file's bytes as base64.") from None
    performance = read_midi(data, "The file")
    return schema.Performed(
        ids=encode(performance),
        n_notes=len(performance),
        seconds=performance.seconds,
        n_ctx=hosted.lm.model.config.n_ctx,
    )


@router.get(
    "/runs/{run}/midi",
    response_class=Response,
    responses={200: {"content": {"audio/midi": {}}, "description": "A MIDI file."}},
)
def midi(request: Request, run: schema.RunId) -> Response:
    """The run as a MIDI file, up to the first end of a piece."""
    opened, hosted = found_run(request, run)
    eot = _musical(hosted).lm.tokenizer.eot
    ids = list(opened.ids)
    while ids and ids[0] == eot:  # what a text may begin with
        del ids[0]
    piece = ids[: ids.index(eot)] if eot in ids else ids
    name = f'attachment; filename="cutaway-{opened.id}.mid"'
    return Response(
        midi_of(decode(piece)),
        media_type="audio/midi",
        headers={"content-disposition": name},
    )


def _musical(hosted: Hosted) -> Hosted:
    tokenizer = hosted.tokenizer
    if tokenizer is None or vocabulary_of(tokenizer).kind != "performance":
        raise NotMusic(
            f"The words of the model {hosted.name!r} are no events of piano performances.",
            "Take a model that was trained on performances: docs/music.md.",
            name=hosted.name,
        )
    return hosted
