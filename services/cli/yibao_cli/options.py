"""Options that several commands take."""

from typing import Annotated

import typer

UseProxy = Annotated[
    bool,
    typer.Option("--use-proxy", help="Go through the proxy that https_proxy or http_proxy names."),
]
