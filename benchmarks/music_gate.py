"""Does a model of performances play like a pianist? The gate for one that is to be bundled.

``--n`` performances are sampled from nothing and held against held-out ones, of each of which as
many seconds are taken from the beginning. Said are:

- the NLL of the model on the held-out performances, in nats an event;
- the statistics of :mod:`cutaway.evals.music_statistics`: how far the distances between samples and
  held-out performances are like those among the held-out, feature by feature. Beside the model's
  stand a *ceiling*, one half of the held-out performances against the other, and a *floor*, events
  drawn evenly, which is noise;
- how much made no sense: keys lifted that were up, notes without length;
- how many times faster than real time it plays.

For eyes and ears, ``--out`` gets the MIDI file, roll and spectrogram (PNG) of the first samples
and of two held-out performances, and with ``--wav`` their sound. Whether the gate is passed depends
on the limits named in ``LIMITS``; what failed is listed, and the exit code is then 1. One line of
JSON.

    python -m benchmarks.music_gate --model runs/piano/model --data valid.tar.xz --out gate
"""

import argparse
import itertools
import json
import os
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.music_pictures import roll_picture, spectrogram_picture
from cutaway.apps.keyboard import Keyboard
from cutaway.apps.piano import Pianist, Played, beginning_of
from cutaway.apps.sound import RATE, Synthesizer, write_wav
from cutaway.data.music import performances_of
from cutaway.drawing import write_picture
from cutaway.errors import CutawayError
from cutaway.evals.music import performance_nll
from cutaway.evals.music_statistics import SetComparison, compare_sets
from cutaway.generation import LanguageModel, load
from cutaway.music import Performance, write_midi
from cutaway.music.events import N_EVENTS

DATA = Path(os.environ.get("CUTAWAY_DATA", Path(__file__).parents[2] / "shared" / "data"))
HELD_OUT = DATA / "piano_pop909" / "valid.tar.xz"
LIMITS = {
    "share of the way from floor to ceiling": 0.75,  # of the mean overlap, at least
    "pitch classes": 0.7,  # overlap of the densities of distances, at least
    "velocities": 0.7,
    "notes per second": (0.67, 1.5),  # mean of the samples over that of the held-out
    "velocity": (0.85, 1.18),
    "senseless events": 0.02,  # of all, at most
    "real time": 10.0,  # times, at least
}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", default="piano", help="a name or a directory")
    parser.add_argument("--data", type=Path, default=HELD_OUT, help="held-out performances")
    parser.add_argument("--n", type=int, default=20, help="samples")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each")
    parser.add_argument("--held-out", type=int, default=41, help="performances at most")
    parser.add_argument("--scored", type=int, default=5, help="of them for the NLL; 0: none")
    parser.add_argument("--context", type=int, help="events of a window of the NLL")
    parser.add_argument("--most-nll", type=float, help="nats an event that pass")
    parser.add_argument("--temperature", type=float, default=1.0)
    parser.add_argument("--top-p", type=float, default=0.98)
    parser.add_argument("--seed", type=int, default=1, help="of the first sample")
    parser.add_argument("--out", type=Path, help="a folder for files and pictures")
    parser.add_argument("--pictures", type=int, default=4, help="samples that get them")
    parser.add_argument("--wav", action="store_true", help="also their sound")
    return parser.parse_args()


def main() -> int:
    options = arguments()
    try:
        lm = load(options.model)
        held_out = list(itertools.islice(performances_of(options.data), options.held_out))
        report = gate(lm, held_out, options)
    except CutawayError as error:
        print(json.dumps({"benchmark": "music_gate", "not run": error.what}))
        return 0
    print(json.dumps(report))
    return 0 if report["passed"] else 1


def gate(
    lm: LanguageModel, held_out: Sequence[Performance], options: argparse.Namespace
) -> dict[str, object]:
    pianist = Pianist(lm, temperature=options.temperature, top_p=options.top_p)
    real = [beginning_of(moved(piece), options.seconds) for piece in held_out]
    start = time.perf_counter()
    played = [played_one(pianist, options, seed) for seed in range(options.n)]
    took = time.perf_counter() - start
    samples = [one.new for one in played if len(one.new)]
    found = {
        "model": compare_sets(real, samples),
        "ceiling": compare_sets(real[::2], real[1::2]),
        "floor": compare_sets(real, [noise(options.seconds, seed) for seed in range(options.n)]),
    }
    figures = figures_of(found, played, took)
    if options.scored:
        scored = held_out[: options.scored]
        figures["nll"] = round(performance_nll(lm, scored, context=options.context).per_event, 4)
    failed = failures(figures, options.most_nll)
    if options.out is not None:
        draw(options, samples[: options.pictures], real[:2])
    return {
        "benchmark": "music_gate",
        "model": lm.name,
        "how": pianist.protocol,
        "samples": options.n,
        "seconds": options.seconds,
        "held out": len(held_out),
        **figures,
        "features": {name: one.to_dict()["features"] for name, one in found.items()},
        "limits": LIMITS,
        "failed": failed,
        "passed": not failed,
    }


def moved(piece: Performance) -> Performance:
    """A performance that begins with its first note, as one that is played from nothing may."""
    first = piece.notes[0].start
    return Performance(
        [note._replace(start=note.start - first, end=note.end - first) for note in piece.notes],
        piece.source,
    )


def played_one(pianist: Pianist, options: argparse.Namespace, number: int) -> Played:
    playing = pianist.play(seconds=options.seconds, seed=options.seed + number)
    for _ in playing:
        pass
    return playing.played


def noise(seconds: float, seed: int) -> Performance:
    """Events that are drawn evenly of all 388: what a model that has learned nothing plays."""
    generator, keyboard = np.random.default_rng(seed), Keyboard()
    while keyboard.seconds < seconds:
        keyboard.press(int(generator.integers(N_EVENTS)))
    return Performance(keyboard.notes(until=seconds)[0])


def figures_of(
    found: dict[str, SetComparison], played: Sequence[Played], took: float
) -> dict[str, float | None]:
    model, low, high = found["model"], found["floor"].overlap, found["ceiling"].overlap
    features, events = model.features, sum(one.events for one in played)
    senseless = sum(one.silent + one.empty for one in played)

    def ratio(name: str) -> float:
        return round((features[name].other or 0.0) / (features[name].reference or 1.0), 4)

    return {
        "overlap": round(model.overlap, 4),
        "ceiling": round(high, 4),
        "floor": round(low, 4),
        "share of the way from floor to ceiling": round((model.overlap - low) / (high - low), 4),
        "pitch classes": round(features["pitch classes"].overlap, 4),
        "velocities": round(features["velocities"].overlap, 4),
        "notes per second": ratio("notes per second"),
        "velocity": ratio("velocity"),
        "senseless events": round(senseless / events, 5),
        "real time": round(sum(one.seconds for one in played) / took, 2),
        "events/s": round(events / took, 1),
        "empty performances": sum(not len(one.new) for one in played),
    }


def failures(figures: dict[str, float | None], most_nll: float | None) -> list[str]:
    """What is outside of its limits, in words."""
    at_most = {"senseless events"}
    failed: list[str] = []
    for name, limit in LIMITS.items():
        value = figures[name] or 0.0
        if isinstance(limit, tuple):
            is_good = limit[0] <= value <= limit[1]
        else:
            is_good = value <= limit if name in at_most else value >= limit
        if not is_good:
            failed.append(f"{name} is {value}, the limit {limit}")
    if figures["empty performances"]:
        failed.append(f"{figures['empty performances']} performances have no notes")
    if most_nll is not None and (figures.get("nll") or 0.0) > most_nll:
        failed.append(f"nll is {figures.get('nll')}, the limit {most_nll}")
    return failed


def draw(
    options: argparse.Namespace, samples: Sequence[Performance], real: Sequence[Performance]
) -> None:
    """A MIDI file, a roll and a spectrogram of each, and its sound if it is asked for."""
    options.out.mkdir(parents=True, exist_ok=True)
    named = [(f"sample-{i}", piece) for i, piece in enumerate(samples)]
    named += [(f"held-out-{i}", piece) for i, piece in enumerate(real)]
    synthesizer = Synthesizer()
    for name, piece in named:
        write_midi(piece, options.out / f"{name}.mid")
        write_picture(options.out / f"{name}-roll.png", roll_picture(piece, f"{name}: roll"))
        sound = np.concatenate(list(synthesizer.parts(piece)))
        picture = spectrogram_picture(sound, RATE, f"{name}: spectrogram")
        write_picture(options.out / f"{name}-spectrogram.png", picture)
        if options.wav:
            write_wav(options.out / f"{name}.wav", piece)


if __name__ == "__main__":
    sys.exit(main())
