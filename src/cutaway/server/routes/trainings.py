"""Training runs of the served folder: a list, and the curves of each, while they go on.

A run is asked for by its name in that folder and by nothing else, so no path can be asked for.
"""

from functools import lru_cache
from pathlib import Path

from fastapi import APIRouter, Request, Response

from cutaway.errors import CutawayError, DataError, unknown
from cutaway.evals.examples import Curve, find_experiments, read_experiment
from cutaway.server import comparing, schema
from cutaway.training.curves import Point, figures_of, series, thinned
from cutaway.training.runs import LOG, Run, find_runs, read_run, run_places

__all__ = ["router"]

router = APIRouter(prefix="/api/trainings", tags=["trainings"])


@router.get("")
def trainings(request: Request, response: Response) -> schema.Trainings:
    """The runs of the folder; none where no folder is served."""
    response.headers["cache-control"] = "no-store"
    folder: Path | None = request.app.state.trainings_in
    if folder is None:
        return schema.Trainings(served=False, runs=[])
    try:
        found = find_runs(folder)
    except CutawayError:  # removed while the server runs
        found = []
    known = schema.Training.model_fields
    told = [{k: v for k, v in run.to_dict().items() if k in known} for run in found]
    return schema.Trainings(served=True, runs=[schema.Training(**one) for one in told])


@router.get("/curves")
def curves(
    request: Request,
    response: Response,
    name: schema.RunName,
    figure: schema.Figure = "loss",
    over: schema.Over = "steps",
) -> schema.Curves:
    """A figure of a run; with the training loss come the looks at validation.

    Empty where the run does not note the figure, or has no step yet; ``figures`` are those it has.
    """
    response.headers["cache-control"] = "no-store"
    run = _named(request, name)
    figures = figures_of(run)
    is_look = figure in ("valid_loss", "bits_per_byte")
    look = "valid_loss" if figure == "loss" else figure if is_look else None
    return schema.Curves(
        name=name,
        figure=figure,
        over=over,
        figures=figures,
        points=[] if is_look else _told(thinned(series(run, figure, over))),
        valid=[] if look is None else _told(thinned(series(run, look, over))),
    )


@router.get("/experiments")
def experiments(request: Request, response: Response) -> comparing.Experiments:
    """Every ``transfer.json`` of the folder: score against number of examples."""
    response.headers["cache-control"] = "no-store"
    folder: Path | None = request.app.state.trainings_in
    paths = [] if folder is None else find_experiments(folder)
    told = [_experiment(path, path.parent.relative_to(folder or path).as_posix()) for path in paths]
    return comparing.Experiments(served=folder is not None, experiments=told)


def _experiment(path: Path, name: str) -> comparing.Experiment:
    nothing = comparing.Experiment(
        name=name, task="", score="", protocol="", curves=[], baselines=[], problem=""
    )
    try:
        found = read_experiment(path)
    except DataError as error:
        return nothing.model_copy(update={"problem": error.what.replace(str(path), path.name)})
    except OSError:  # removed while the server runs
        return nothing.model_copy(update={"problem": f"{path.name} cannot be read."})
    return comparing.Experiment(
        name=name,
        task=found.task,
        score=found.score,
        protocol=found.protocol,
        curves=[_examples(curve) for curve in found.curves],
        baselines=[comparing.Baseline(name=n, score=score) for n, score in found.baselines],
        problem="",
    )


def _examples(curve: Curve) -> comparing.ExamplesCurve:
    points = [
        comparing.ExamplesPoint(
            examples=p.examples,
            score=p.mean,
            low=min(p.scores),
            high=max(p.scores),
            seeds=len(p.scores),
        )
        for p in curve.points
    ]
    return comparing.ExamplesCurve(name=curve.name, points=points)


def _named(request: Request, name: str) -> Run:
    folder: Path | None = request.app.state.trainings_in
    places = {} if folder is None else run_places(folder)
    if name not in places:
        raise unknown("training run", name, places)
    path = places[name]
    found = (path / LOG).stat()
    return _read(path, name, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=16)
def _read(path: Path, name: str, changed: int, size: int) -> Run:
    """A journal as it was at that time; a long one takes a while, and most do not change."""
    return read_run(path, name=name)


def _told(points: list[Point]) -> list[schema.CurvePoint]:
    return [schema.CurvePoint(x=p.x, y=p.y, low=p.low, high=p.high) for p in points]
