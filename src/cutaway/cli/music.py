"""``cutaway music``: playing the piano, harmonising, and performances as events and back."""

from cutaway.cli.app import new_app
from cutaway.cli.music_continue import go_on
from cutaway.cli.music_generate import generate
from cutaway.cli.music_harmonize import harmonize
from cutaway.cli.music_tokenize import detokenize, tokenize

app = new_app()


@app.callback()
def music() -> None:
    """Piano music: play, go on, harmonise; events, and files of notes."""


app.command()(generate)
app.command("continue")(go_on)
app.command()(harmonize)
app.command()(tokenize)
app.command()(detokenize)
