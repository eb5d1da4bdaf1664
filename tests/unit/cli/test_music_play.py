"""``cutaway music generate``, ``continue``, ``harmonize``: files, figures, what goes wrong."""

import json
from collections.abc import Callable
from pathlib import Path

import mido
import pytest
import torch

from cutaway.apps.harmonize import Harmonizing
from cutaway.apps.piano import Playing
from cutaway.checkpoints import places, save_checkpoint
from cutaway.cli.app import run
from cutaway.models import MusicTransformer, MusicTransformerConfig
from cutaway.music import chorale_tokenizer, performance_tokenizer, read_midi, write_midi
from toy_music import TUNE


@pytest.fixture(scope="module")
def models(
    enliven: Callable[..., MusicTransformer], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A folder with a model of performances, one of chorales, and a file of each kind."""
    folder = tmp_path_factory.mktemp("models")
    for name, tokenizer in (("piano", performance_tokenizer()), ("chorales", chorale_tokenizer())):
        sizes = {"n_embd": 20, "n_layer": 1, "n_head": 5, "n_att": 20, "n_inner": 24}
        size = MusicTransformerConfig(
            vocab_size=tokenizer.vocab_size, n_ctx=32, max_relative=16, **sizes
        )
        model = enliven(MusicTransformer(size))
        save_checkpoint(folder / name, model, tokenizer, dtype=torch.float32)
    write_midi(TUNE, folder / "tune.mid")
    (folder / "soprano.txt").write_text("G4:2 A4:2\nB4:4 r\n")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def made(capsys: pytest.CaptureFixture[str], *arguments: object, code: int = 0) -> tuple[str, str]:
    assert run(["music", *map(str, arguments)]) == code
    captured = capsys.readouterr()
    return captured.out, captured.err


def test_generate_writes_a_file_and_tells_the_figures(
    models: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("-m", models / "piano", "--seconds", "3", "--seed", "4")
    out, err = made(capsys, "generate", *given)
    assert out == ""
    written = read_midi(here / "music.mid")
    assert 0 < written.seconds <= 3.0
    lines = err.splitlines()
    assert any(line.startswith("0.") and "of 3 s" in line for line in lines[:2])  # the progress
    assert "seed 4: float32, temperature 1, top-p 0.98; the end is not drawn" in err
    for word in ("seconds", "notes", "events", "real time", "keys lifted that were up", "written"):
        assert word in err
    assert "music.mid (" in lines[-1]
    told = json.loads(made(capsys, "generate", *given, "-o", "a.mid", "--json")[0])
    assert (told["seconds"], told["finish"], told["seed"]) == (3.0, "seconds", 4)
    assert told["notes"] >= len(written)  # two strikes within a millisecond are one
    assert (here / "a.mid").read_bytes() == (here / "music.mid").read_bytes()
    assert not list(here.glob(".*"))


def test_continue_is_generate_with_a_prime(
    models: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tune = models / "tune.mid"
    given = ("-m", models / "piano", "--seconds", "2", "--seed", "4")
    made(capsys, "continue", tune, *given)
    made(capsys, "generate", "--prime", tune, *given)
    whole = (here / "tune-continued.mid").read_bytes()
    assert whole == (here / "music.mid").read_bytes()
    assert set(read_midi(tune).notes) <= set(read_midi(here / "tune-continued.mid").notes)
    made(capsys, "continue", tune, *given, "--new-only", "-o", "new.mid")
    assert len(read_midi(here / "new.mid")) == len(read_midi(whole)) - len(TUNE)
    made(capsys, "continue", tune, *given, "--prime-seconds", "0.6", "-o", "short.mid")
    starts = [note.start for note in read_midi(here / "short.mid").notes]
    assert starts[:3] == pytest.approx([0.0, 0.25, 0.5])


def test_the_sound_lies_beside_the_notes(
    models: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, err = made(
        capsys, "generate", "-m", models / "piano", "--seconds", "3", "--seed", 4, "--wav"
    )
    assert (here / "music.wav").read_bytes()[:4] == b"RIFF"
    assert "music.wav (" in err


@pytest.mark.parametrize("json_too", [[], ["--json"]])
def test_after_ctrl_c_what_was_played_is_written(
    models: Path,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    json_too: list[str],
) -> None:
    played = Playing.__next__

    def cut(self: Playing) -> float:
        if self.n_notes == 4:
            raise KeyboardInterrupt
        return played(self)

    monkeypatch.setattr(Playing, "__next__", cut)
    given = ("-m", models / "piano", "--seconds", "60", "--seed", 2)
    out, err = made(capsys, "generate", *given, *json_too, code=130)
    assert 0 < len(read_midi(here / "music.mid")) <= 4
    if json_too:
        assert json.loads(out)["finish"] == "interrupted"
    else:
        assert "of 60: interrupted" in err


def test_harmonize_a_line_a_file_and_a_melody(
    models: Path, here: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ("-m", models / "chorales", "-n", "2", "--seed", "1")
    out, err = made(capsys, "harmonize", "G4:2 A4:2 B4:4 r", *given)
    assert out == ""
    assert "the likeliest of 2 drawn" in err
    assert "crossings" in err
    file = mido.MidiFile(here / "harmonized.mid")
    assert [track.name for track in file.tracks] == ["soprano", "alto", "tenor", "bass"]
    sung = [m.note for m in file.tracks[0] if m.type == "note_on"]
    assert sung == [67, 69, 71]
    assert next(m.tempo for m in file.tracks[0] if m.type == "set_tempo") == 750_000
    made(capsys, "harmonize", models / "soprano.txt", *given)
    same = (here / "soprano-harmonized.mid").read_bytes()
    assert same == (here / "harmonized.mid").read_bytes()
    told = json.loads(made(capsys, "harmonize", models / "tune.mid", *given, "--json")[0])
    assert told["voices"][0] == [60, 60, 64, 64, 67, 67, 72, 72, 67, 67]  # 120 in a minute
    assert (here / "tune-harmonized.mid").is_file()
    assert len(told["others"]) == 2


def test_after_ctrl_c_the_best_that_is_whole_is_written(
    models: Path,
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    steps = Harmonizing.__next__
    given = ("harmonize", "G4:2", "-m", models / "chorales", "-n", "20", "--seed", "1")

    def cut_at(most: int) -> None:
        def cut(self: Harmonizing) -> int:
            if (done := steps(self)) > most:
                raise KeyboardInterrupt
            return done

        monkeypatch.setattr(Harmonizing, "__next__", cut)

    cut_at(32)  # 15 of 20 are whole
    assert "of 15 of 20: interrupted" in made(capsys, *given, code=130)[1]
    assert (here / "harmonized.mid").is_file()
    cut_at(3)
    assert "No harmonisation is whole yet" in made(capsys, *given, code=2)[1]


BAD: dict[str, tuple[list[str], int, str]] = {
    "no model": (["generate", "-m", "nothing-there"], 3, "No model 'nothing-there'"),
    "other model": (["generate", "-m", "CHORALES"], 2, "was not taught performances"),
    "other too": (["harmonize", "60", "-m", "PIANO"], 2, "was not taught chorales"),
    "no prime": (["continue", "none.mid", "-m", "PIANO"], 2, "none.mid"),
    "no MIDI": (["continue", "TEXT", "-m", "PIANO"], 2, "soprano.txt"),
    "seconds": (["generate", "--seconds", "0", "-m", "PIANO"], 2, "seconds is 0.0"),
    "endless": (["generate", "--seconds", "nan", "-m", "PIANO"], 2, "seconds is nan"),
    "events": (["generate", "--events", "0", "-m", "PIANO"], 2, "--events"),
    "silent": (["generate", "--events", "1", "-m", "PIANO"], 2, "No note was played"),
    "prime": (["generate", "--prime-seconds", "3", "-m", "PIANO"], 2, "without a beginning"),
    "name": (["generate", "-o", "a.wav", "-m", "PIANO"], 2, "music is written as MIDI"),
    "folder": (["generate", "-o", "no/a.mid", "-m", "PIANO"], 2, "there is no folder no"),
    "font": (["generate", "--soundfont", "a.sf2", "-m", "PIANO"], 2, "without --wav"),
    "no font": (
        ["generate", "--wav", "--soundfont", "a.sf2", "-m", "PIANO"],
        2,
        "Cannot read the sound font a.sf2",
    ),
    "pitch": (["harmonize", "60 H4", "-m", "CHORALES"], 2, "line:1: 'H4' is no pitch"),
    "rest": (["harmonize", "r r", "-m", "CHORALES"], 2, "line has no pitches"),
    "tempo": (["harmonize", "60", "--bpm", "nan", "-m", "CHORALES"], 2, "The tempo is nan"),
    "num": (["harmonize", "60", "-n", "0", "-m", "CHORALES"], 2, "--num"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_is_wrong_is_told_in_two_lines_and_nothing_is_written(
    models: Path, here: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    arguments, code, said = BAD[name]
    places = {"PIANO": "piano", "CHORALES": "chorales", "TEXT": "soprano.txt"}
    given = [str(models / places[one]) if one in places else one for one in arguments]
    out, err = made(capsys, *given, code=code)
    assert out == ""
    assert said in err
    lines = [line for line in err.splitlines() if not line.startswith("note:")]
    assert lines[-2].startswith("error: ")
    assert len(lines) == 2
    assert list(here.iterdir()) == []


@pytest.fixture(autouse=True)
def _no_model_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / ".cache"))


@pytest.mark.parametrize(
    ("arguments", "recipe"),
    [
        (["generate", "-m", "piano"], "piano.toml"),
        (["harmonize", "60", "-m", "chorales"], "jsb.toml"),
    ],
)
def test_without_a_bundled_model_the_way_to_one_is_told(
    here: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    recipe: str,
) -> None:
    monkeypatch.setattr(places, "_assets", lambda: here)
    assert recipe in made(capsys, *arguments, code=3)[1]


def test_a_model_in_the_package_has_its_name(models: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(places, "_assets", lambda: models)
    assert [one.name for one in places.list_models()][:3] == ["pocket", "chorales", "piano"]
    assert places.locate("piano", allow_pickle=False) == models / "piano"
    assert places.is_name("chorales")
