"""Performances that nobody would play and every codec must stand."""

from hypothesis import strategies as st

from cutaway.music.notes import Note, Performance

_times = st.one_of(
    st.integers(0, 400).map(lambda step: step / 100),  # on a step
    st.integers(0, 800).map(lambda half: half / 200),  # between two
    st.floats(0.0, 4.0, allow_nan=False),
    st.floats(0.0, 600.0, allow_nan=False),
)
_lengths = st.one_of(st.floats(0.0, 0.02), st.floats(0.0, 3.0), st.floats(0.0, 30.0))


@st.composite
def notes(draw: st.DrawFn) -> Note:
    start = draw(_times)
    pitch = draw(st.one_of(st.integers(60, 62), st.integers(0, 127)))
    return Note(start, start + draw(_lengths), pitch, draw(st.integers(1, 127)))


performances = st.lists(notes(), max_size=40).map(Performance)
