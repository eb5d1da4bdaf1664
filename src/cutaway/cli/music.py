"""``cutaway music``: performances on the piano as events, and back."""

from cutaway.cli.app import new_app
from cutaway.cli.music_tokenize import detokenize, tokenize

app = new_app()


@app.callback()
def music() -> None:
    """Piano music: events, and files of notes."""


app.command()(tokenize)
app.command()(detokenize)
