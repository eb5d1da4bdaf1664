"""Sound: a WAV with the pitches of its notes, parts that join, fonts that are none."""

import wave
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from cutaway.apps import sound
from cutaway.apps.sound import RATE, Synthesizer, find_font, write_wav
from cutaway.errors import DataError, MissingExtra
from cutaway.music.notes import Note, Performance
from toy_music import TUNE


def heard(path: Path) -> np.ndarray:
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (2, 2, RATE)
        return np.frombuffer(file.readframes(file.getnframes()), "<i2").reshape(-1, 2)


def strongest(samples: np.ndarray) -> float:
    """The frequency with the most power, in Hz."""
    mono = samples.mean(axis=1)
    power = np.abs(np.fft.rfft(mono * np.hanning(len(mono))))
    return float(np.fft.rfftfreq(len(mono), 1 / RATE)[power.argmax()])


@pytest.mark.parametrize(("pitch", "hertz"), [(69, 440.0), (81, 880.0), (60, 261.63)])
def test_a_note_sounds_at_its_pitch(tmp_path: Path, pitch: int, hertz: float) -> None:
    seconds = write_wav(tmp_path / "a.wav", Performance([Note(0.0, 1.0, pitch, 90)]))
    samples = heard(tmp_path / "a.wav")
    assert seconds == pytest.approx(len(samples) / RATE)
    assert seconds >= 1.0
    found = strongest(samples[: RATE // 2])
    overtone = round(found / hertz)
    assert 1 <= overtone <= 3
    assert found == pytest.approx(overtone * hertz, rel=0.01)


def test_it_begins_with_the_note_and_ends_in_silence(tmp_path: Path) -> None:
    write_wav(tmp_path / "a.wav", Performance([Note(0.5, 1.0, 64, 90)]))
    level = np.abs(heard(tmp_path / "a.wav")).max(axis=1)
    assert level[: RATE // 2 - 500].max() < 40  # of 32,767
    assert level[RATE // 2 : RATE].max() == level.max() == round(32767 * 10 ** (-1 / 20))
    assert level[-1] < 400


def test_hard_is_louder_than_soft() -> None:
    def peak(velocity: int) -> float:
        [part] = Synthesizer().parts(Performance([Note(0.0, 0.3, 60, velocity)]))
        return float(np.abs(part).max())

    assert peak(30) < peak(60) < peak(120)


def test_parts_join_to_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    late = Note(2.9, 3.2, 55, 70)  # parts without a note of their own are between
    piece = Performance([*TUNE.notes, late])
    [whole] = Synthesizer().parts(piece)
    monkeypatch.setattr(sound, "_PART", 0.4)
    parts = list(Synthesizer().parts(piece))
    assert len(parts) > 6
    joined = np.concatenate(parts)
    n = min(len(whole), len(joined))
    np.testing.assert_allclose(joined[:n], whole[:n], atol=2e-3 * float(np.abs(whole).max()))
    assert np.abs(joined[n:]).max(initial=0.0) < 1e-3
    assert np.abs(whole[n:]).max(initial=0.0) < 1e-3


def test_a_note_of_hours_takes_no_memory() -> None:
    parts = list(Synthesizer().parts(Performance([Note(0.0, 3 * 3600.0, 60, 64)])))
    assert sum(map(len, parts)) < 90 * RATE


def test_nothing_to_be_heard(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no notes"):
        write_wav(tmp_path / "a.wav", Performance())
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_sound_font(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"Cannot read the sound font .*none\.sf2: No such file"):
        Synthesizer(tmp_path / "none.sf2")
    (tmp_path / "a.sf2").write_bytes(b"RIFF....WAVE")
    with pytest.raises(DataError, match="is no sound font"):
        Synthesizer(tmp_path / "a.sf2")


@pytest.mark.parametrize("kept", [12, 100, 2000, 5_900_000, 5_990_000])
def test_a_font_that_was_cut_is_named(tmp_path: Path, kept: int) -> None:
    (tmp_path / "cut.sf2").write_bytes(find_font().read_bytes()[:kept])
    with pytest.raises(DataError, match=r"The sound font .*cut\.sf2 is damaged"):
        Synthesizer(tmp_path / "cut.sf2")


def test_a_font_with_wrong_numbers_is_an_error_or_plays(tmp_path: Path) -> None:
    """The tables are at the end: every byte there that is changed is an error, or plays."""
    data = bytearray(find_font().read_bytes())
    generator = np.random.default_rng(1)
    for _ in range(12):
        changed = bytearray(data)
        for place in generator.integers(len(data) - 200_000, len(data), 300).tolist():
            changed[place] = int(generator.integers(256))
        (tmp_path / "wrong.sf2").write_bytes(changed)
        with suppress(DataError):
            piece = Performance([Note(0, 0.1, 60, 60)])
            parts = list(Synthesizer(tmp_path / "wrong.sf2").parts(piece))
            assert all(np.isfinite(part).all() for part in parts)


def test_without_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sound, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="sound font") as error:
        find_font()
    assert "cutaway[music]" in error.value.hint
