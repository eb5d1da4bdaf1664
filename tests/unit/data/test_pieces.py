"""Performances as events in a file: what is written is what is read, or an error."""

import json
from pathlib import Path

import pytest

from cutaway.data.pieces import encode_pieces, open_pieces, write_pieces
from cutaway.errors import DataError
from cutaway.music import encode, performance_tokenizer
from cutaway.music.augment import STRETCHES, stretched
from pieces_of_music import performances

TOKENIZER = performance_tokenizer()


def test_every_version_of_every_piece_is_there(tmp_path: Path) -> None:
    given = performances(4)
    index = write_pieces(tmp_path / "train.bin", given, TOKENIZER, stretch=STRETCHES)
    pieces = open_pieces(tmp_path / "train.bin")
    assert len(pieces) == 4
    assert pieces.n_versions == 5
    for i, piece in enumerate(given):
        for version, factor in enumerate(STRETCHES):
            assert pieces.events(i, version).tolist() == encode(stretched(piece, factor))
            assert pieces.lengths[i, version] == len(pieces.events(i, version))
        assert pieces.lowest[i] == min(note.pitch for note in piece.notes)
        assert pieces.highest[i] == max(note.pitch for note in piece.notes)
    assert index.n_tokens == sum(len(encode(piece)) for piece in given)
    assert index.n_notes == sum(map(len, given))
    assert index.seconds == pytest.approx(sum(piece.seconds for piece in given))
    in_memory = encode_pieces(given, TOKENIZER)
    assert [in_memory.events(i).tolist() for i in range(4)] == [encode(p) for p in given]


def test_a_file_without_pieces_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="No performances for"):
        write_pieces(tmp_path / "train.bin", [], TOKENIZER)
    assert not list(tmp_path.iterdir())
    with pytest.raises(DataError, match="no performances"):
        encode_pieces([], TOKENIZER)


def test_damage_is_noticed(tmp_path: Path) -> None:
    path = tmp_path / "train.bin"
    with pytest.raises(DataError, match="No file of pieces"):
        open_pieces(path)
    write_pieces(path, performances(2), TOKENIZER)
    whole, index = path.read_bytes(), json.loads(path.with_suffix(".json").read_text())

    def damaged(data: bytes, message: str, **changes: object) -> None:
        path.write_bytes(data)
        path.with_suffix(".json").write_text(json.dumps(index | changes))
        with pytest.raises(DataError, match=message) as caught:
            open_pieces(path)
        assert caught.value.hint

    damaged(whole[:-2], "does not match")
    damaged(bytes([whole[0] ^ 1]) + whole[1:], "does not match")
    damaged(whole, "does not match", n_pieces=3)
    damaged(whole, "is damaged", extra=1)
    damaged(whole, "does not match", lowest=[1])
    damaged(b"", "is damaged")
    path.with_suffix(".json").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        open_pieces(path)
