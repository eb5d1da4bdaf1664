"""What a set of performances is like, and how near another set is to it.

A loss does not say whether what a model plays is like playing. For each piece some features are
counted: which of the twelve pitch classes it uses, how many notes a second, how loud, how long, how
many at once. Two sets are then compared as in Yang & Lerch 2018, "On the evaluation of generative
models in music", section 4: distances between the pieces of the one set (*intra*) and between the
pieces of both (*inter*) are made smooth densities, of which the overlapping area and the
Kullback-Leibler divergence are taken. A model that plays as the pieces do has an overlap near 1 and
a divergence near 0. Their code takes the two densities of the divergence at different places; here
both are on one grid.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cutaway.errors import DataError
from cutaway.music.notes import Performance

__all__ = [
    "FEATURES",
    "FeatureDistance",
    "SetComparison",
    "compare_sets",
    "features_of",
    "histogram_overlap",
]

_Vector = NDArray[np.float64]

_GRID = 1_000  # places of a density
_LENGTHS = np.geomspace(0.02, 8.0, 25)  # seconds between the bins of durations


def _shares(values: NDArray[Any], n: int) -> _Vector:
    counts = np.bincount(values, minlength=n).astype(np.float64)
    return counts / counts.sum()


def _pitch_classes(performance: Performance) -> _Vector:
    return _shares(performance.columns.pitches % 12, 12)


def _pitch_mean(performance: Performance) -> _Vector:
    return np.array([performance.columns.pitches.mean()])


def _pitch_range(performance: Performance) -> _Vector:
    pitches = performance.columns.pitches
    return np.array([float(pitches.max() - pitches.min())])


def _density(performance: Performance) -> _Vector:
    columns = performance.columns
    return np.array([len(performance) / max(columns.ends.max() - columns.starts.min(), 1e-2)])


def _velocities(performance: Performance) -> _Vector:
    return _shares((performance.columns.velocities - 1) // 4, 32)


def _velocity_mean(performance: Performance) -> _Vector:
    return np.array([performance.columns.velocities.mean()])


def _velocity_spread(performance: Performance) -> _Vector:
    return np.array([performance.columns.velocities.std()])


def _durations(performance: Performance) -> _Vector:
    columns = performance.columns
    return _shares(np.digitize(columns.ends - columns.starts, _LENGTHS), len(_LENGTHS) + 1)


def _duration_mean(performance: Performance) -> _Vector:
    columns = performance.columns
    return np.array([(columns.ends - columns.starts).mean()])


def _onset_gap(performance: Performance) -> _Vector:
    """Seconds between an onset and the next that is not the same chord's."""
    gaps = np.diff(performance.columns.starts)
    later = gaps[gaps > 0.03]
    return np.array([later.mean() if len(later) else 0.0])


def _polyphony(performance: Performance) -> _Vector:
    """Notes that sound at once, on average over the time when any does."""
    starts, ends = performance.columns.starts, performance.columns.ends
    until = np.maximum.accumulate(ends)
    silence = np.maximum(starts[1:] - until[:-1], 0.0).sum()
    sounding = max(float(until[-1] - starts[0] - silence), 1e-2)
    return np.array([(ends - starts).sum() / sounding])


FEATURES: Mapping[str, Callable[[Performance], _Vector]] = {
    "pitch classes": _pitch_classes,
    "pitch": _pitch_mean,
    "pitch range": _pitch_range,
    "notes per second": _density,
    "velocity": _velocity_mean,
    "velocity spread": _velocity_spread,
    "velocities": _velocities,
    "duration": _duration_mean,
    "durations": _durations,
    "onset gap": _onset_gap,
    "polyphony": _polyphony,
}
"""What is counted of each piece: a number, or the shares of a histogram."""


def features_of(performances: Iterable[Performance]) -> dict[str, _Vector]:
    """Every feature of every piece: ``(pieces, values)``.

    Raises:
        DataError: for a performance without notes, or if there is none at all.
    """
    found: dict[str, list[_Vector]] = {name: [] for name in FEATURES}
    for performance in performances:
        if not len(performance):
            raise DataError(
                f"{performance.source or 'A performance'} has no notes.", "Leave it out."
            )
        for name, feature in FEATURES.items():
            found[name].append(feature(performance))
    if not found["pitch"]:
        raise DataError("There are no performances.", "Give two at least.")
    return {name: np.stack(values) for name, values in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class FeatureDistance:
    """One feature of two sets.

    Attributes:
        reference: mean over the pieces of the one set; of a histogram None.
        other: mean over those of the other.
        overlap: of the densities of distances, 0 to 1.
        divergence: Kullback-Leibler, of the inter-set density from the intra-set one, in nats.
        pooled: of a histogram the overlap of both sets' mean shares, 0 to 1; else None.
    """

    reference: float | None
    other: float | None
    overlap: float
    divergence: float
    pooled: float | None

    def to_dict(self) -> dict[str, float | None]:
        """All fields, ready for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True, kw_only=True)
class SetComparison:
    """The figures of :func:`compare_sets`.

    Attributes:
        features: by name.
        n_reference: pieces of the set that is compared with.
        n_other: pieces of the set that is compared.
    """

    features: Mapping[str, FeatureDistance]
    n_reference: int
    n_other: int

    @property
    def overlap(self) -> float:
        """Mean over the features."""
        return float(np.mean([one.overlap for one in self.features.values()]))

    @property
    def protocol(self) -> str:
        """How the numbers came about, in one line to be printed with them."""
        return (
            f"Yang & Lerch 2018: Euclidean distances within {self.n_reference:,} pieces and "
            f"between them and {self.n_other:,} others, as Gaussian densities (Scott's width) on "
            "one grid: overlapping area, and KL of between from within in nats"
        )

    def to_dict(self) -> dict[str, Any]:
        """All fields and figures, ready for JSON."""
        return {
            "protocol": self.protocol,
            "overlap": self.overlap,
            "features": {name: one.to_dict() for name, one in self.features.items()},
            "n_reference": self.n_reference,
            "n_other": self.n_other,
        }


def compare_sets(reference: Iterable[Performance], other: Iterable[Performance]) -> SetComparison:
    """How near a set of performances is to another.

    Args:
        reference: at least three pieces, which have three distances between them.
        other: such as a model played; at least one.

    Raises:
        DataError: if there are too few, or one has no notes.
    """
    within, beside = features_of(reference), features_of(other)
    n_reference, n_other = len(within["pitch"]), len(beside["pitch"])
    if n_reference < 3:
        raise DataError(
            f"{n_reference} performances to compare with have too few distances between them.",
            "Give three at least.",
        )
    return SetComparison(
        features={name: _distance(within[name], beside[name]) for name in FEATURES},
        n_reference=n_reference,
        n_other=n_other,
    )


def histogram_overlap(one: Sequence[float] | _Vector, other: Sequence[float] | _Vector) -> float:
    """The area that two histograms share, 0 to 1.

    >>> histogram_overlap([3, 1, 0], [1, 1, 2])
    0.5
    """
    shares = [np.asarray(side, np.float64) / np.sum(side) for side in (one, other)]
    return float(np.minimum(shares[0], shares[1]).sum())


def _distance(reference: _Vector, other: _Vector) -> FeatureDistance:
    is_histogram = reference.shape[1] > 1
    rows, columns = np.triu_indices(len(reference), k=1)
    intra = np.linalg.norm(reference[rows] - reference[columns], axis=1)
    inter = np.linalg.norm(reference[:, None] - other[None], axis=2).ravel()
    overlap, divergence = _densities_apart(intra, inter)
    means = [side.mean(axis=0) for side in (reference, other)]
    return FeatureDistance(
        reference=None if is_histogram else float(means[0][0]),
        other=None if is_histogram else float(means[1][0]),
        overlap=overlap,
        divergence=divergence,
        pooled=histogram_overlap(means[0], means[1]) if is_histogram else None,
    )


def _densities_apart(intra: _Vector, inter: _Vector) -> tuple[float, float]:
    """The overlapping area of two densities, and the divergence of the second from the first."""
    values = np.concatenate([intra, inter])
    widths = [_scott(intra, values), _scott(inter, values)]
    margin = 4 * max(widths)
    edges = np.linspace(values.min() - margin, values.max() + margin, _GRID + 1)
    p, q = (_density_of(x, width, edges) for x, width in zip((intra, inter), widths, strict=True))
    tiny = 1e-10
    divergence = float((p * np.log((p + tiny) / (q + tiny))).sum())
    return float(np.minimum(p, q).sum()), max(divergence, 0.0)


def _scott(x: _Vector, all_values: _Vector) -> float:
    """The width of a density's Gaussians (Scott 1992); where nothing varies, a narrow one."""
    least = 1e-3 * max(float(np.ptp(all_values)), float(np.abs(all_values).max()), 1e-6)
    return max(float(x.std(ddof=min(1, len(x) - 1))) * len(x) ** -0.2, least)


def _density_of(x: _Vector, width: float, edges: _Vector) -> _Vector:
    """The share of a density in each cell of a grid: counts of the cells, made smooth."""
    counts, _ = np.histogram(x, edges)
    middles = (edges[:-1] + edges[1:]) / 2
    held = np.flatnonzero(counts)
    away = (middles[:, None] - middles[None, held]) / width
    smooth = np.exp(-0.5 * away**2) @ counts[held]
    return smooth / smooth.sum()
