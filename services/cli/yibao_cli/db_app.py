"""The commands of `yibao db`."""

import typer

from yibao_cli.command_line import App
from yibao_cli.options import ConfigFiles, Json

app = App(help="Databases of the services.")


@app.command()
def upgrade(config: ConfigFiles = None, as_json: Json = False) -> None:
    """Bring the schema of a service's database up to date."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.database import run_upgrade

    with told_plainly():
        raise typer.Exit(run_upgrade(out, config or []))


@app.command()
def refold(config: ConfigFiles = None, as_json: Json = False) -> None:
    """Make the ledger's checkpoints anew from all entries; the services may run."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.database import run_refold

    with told_plainly():
        raise typer.Exit(run_refold(out, config or []))


@app.command()
def restored(config: ConfigFiles = None, as_json: Json = False) -> None:
    """Make others read identity or offsite anew after the database of one was restored.

    Settlement reads both, and offsite reads identity. Each notices a restore by itself wherever
    changes that it read are missing; this is for certainty, and for rows that were repaired by
    hand. An offsite compares its qualifications with identity.
    """
    from yibao_cli.console import out, told_plainly
    from yibao_cli.database import run_restored

    with told_plainly():
        raise typer.Exit(run_restored(out, config or []))
