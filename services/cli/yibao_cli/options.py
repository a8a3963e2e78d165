"""Options that several commands take."""

from pathlib import Path
from typing import Annotated

import typer

# Where `yibao up` makes a sandbox, and where others look for one, unless told otherwise.
SANDBOX = Path("var/yibao")
IDENTITY_OF_SANDBOX = SANDBOX / "identity.toml"
OFFSITE_OF_SANDBOX = SANDBOX / "offsite.toml"

ConfigFiles = Annotated[
    list[Path] | None,
    typer.Option(
        "--config",
        help="Configuration of a service; repeatable. Those of var/yibao if absent.",
        metavar="FILE",
    ),
]
# What it does is known before anything is parsed: see `Group.main` of `command_line`.
Json = Annotated[
    bool, typer.Option("--json", help="One JSON document, for programs; of errors on stderr.")
]
Timeout = Annotated[
    float,
    typer.Option(help="Seconds to wait for the answer.", min=0.001, max=3_600, metavar="SECONDS"),
]
