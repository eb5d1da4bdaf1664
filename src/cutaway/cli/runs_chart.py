"""The picture that ``cutaway runs plot`` draws: which curves, and what is said about them."""

from collections.abc import Sequence

from cutaway.drawing import Chart, Curve
from cutaway.errors import DataError, unknown
from cutaway.training.curves import figures_of, series, thinned
from cutaway.training.runs import Run

__all__ = ["chart_of"]

_Y_NAMES = {
    "loss": "loss, nats per token",
    "valid_loss": "validation loss, nats per token",
    "bits_per_byte": "validation, bits per byte",
    "tokens_per_second": "tokens/s",
    "gradient_norm": "norm of the gradient",
    "rate": "learning rate, share of its peak",
    "mfu": "model FLOPs utilization",
}
_X_NAMES = {"steps": "steps", "tokens": "tokens", "time": "seconds in steps"}
_LOOKS = ("valid_loss", "bits_per_byte")


def chart_of(
    runs: Sequence[Run], figure: str, over: str, *, log_x: bool = False, log_y: bool = False
) -> Chart:
    """The curves of a figure; with the training loss comes that of validation.

    Raises:
        UnknownName: for a figure that no run has, with the nearest one that there is.
        DataError: if the runs have nothing to draw yet, or not over this axis.
    """
    known = {name for run in runs for name in figures_of(run)}
    if not known:
        names = ", ".join(run.name for run in runs)
        raise DataError(f"There is nothing to plot in {names}.", "Wait for a first step.")
    if figure not in known:
        raise unknown("figure of these runs", figure, known)
    curves: list[Curve] = []
    for run in runs:
        if figure not in _LOOKS:
            points = thinned(series(run, figure, over))
            is_thinned = any(point.low < point.high for point in points)
            band = [(p.x, p.low, p.high) for p in points] if is_thinned else []
            curves.append(
                Curve(name=run.name, points=[(point.x, point.y) for point in points], band=band)
            )
        look = "valid_loss" if figure == "loss" else figure
        if look in _LOOKS and (points := series(run, look, over)):
            curves.append(Curve(name=run.name, points=points, dots=True))
    curves = [curve for curve in curves if curve.points]
    return Chart(
        title=", ".join(run.name for run in runs),
        x_name=_X_NAMES[over],
        y_name=_Y_NAMES.get(figure, figure.replace("_", " ")),
        curves=curves,
        notes=_notes(curves),
        log_x=log_x,
        log_y=log_y,
    )


def _notes(curves: Sequence[Curve]) -> list[str]:
    notes: list[str] = []
    if any(curve.band for curve in curves):
        notes.append(
            "Line: training, the mean of neighbouring steps; band: the least and the most."
        )
    if any(curve.dots for curve in curves):
        notes.append("Dots: validation.")
    return [" ".join(notes)]
