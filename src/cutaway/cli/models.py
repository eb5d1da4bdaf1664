"""``cutaway models``: what a name stands for."""

from cutaway.cli.app import new_app
from cutaway.cli.options import Json
from cutaway.cli.output import stdout

app = new_app()


@app.command()
def models(as_json: Json = False) -> None:
    """List the models that a name stands for.

    Every command takes one of these names, or a directory or file with weights, as its model.
    """
    from cutaway.checkpoints import list_models

    out = stdout()
    for model in list_models():
        if as_json:
            path = None if model.path is None else str(model.path)
            out.json({"name": model.name, "origin": model.origin, "path": path})
            continue
        where = "not on this machine" if model.path is None else str(model.path)
        out.write(f"{model.name:<13} ", "bold").write(f"{model.origin:<48} ").line(where, "dim")
