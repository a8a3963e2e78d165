"""Where a service is and who calls it: the options that every command takes that calls one.

Of each value the option wins over the environment, and that over the context
(`yibao context`). `Command` of `command_line` fills in what no option says.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from yibao_cli.contexts.names import complete_context

if TYPE_CHECKING:
    import grpc

# The service that a command calls, or what tells it by the words that were typed: empty where
# they do not tell it, None where none is called.
Called = str | Callable[[Mapping[str, Any]], str | None]

ADDRESS_VARIABLES = {
    service: f"YIBAO_{service.upper()}_ADDRESS" for service in ("identity", "settlement", "offsite")
}
# The option, its variable and its key in a context.
REGION, CA, CERTIFICATE, KEY, SERVER_NAME = (
    ("region", "YIBAO_REGION", "region"),
    ("ca", "YIBAO_CA_FILE", "ca_file"),
    ("cert", "YIBAO_CERTIFICATE_FILE", "certificate_file"),
    ("key", "YIBAO_KEY_FILE", "key_file"),
    ("server_name", "YIBAO_SERVER_NAME", "server_name"),
)
_ANY_ADDRESS = "host:port of the service.  [env var: YIBAO_SETTLEMENT_ADDRESS and its like]"
_SERVER_NAME = "The name in the certificate of the service, where its address has another."
VALUES = (REGION, CA, CERTIFICATE, KEY, SERVER_NAME)

ContextName = Annotated[
    str,
    typer.Option(
        "--context",
        envvar="YIBAO_CONTEXT",
        help="Whose address, certificate and region; see yibao context.",
        metavar="NAME",
        autocompletion=complete_context,
    ),
]
UseProxy = Annotated[
    bool,
    typer.Option("--use-proxy", help="Go through the proxy that https_proxy or http_proxy names."),
]


@dataclass(frozen=True, slots=True)
class Connection:
    """Where a service is, who calls it, and for which region."""

    region: str
    address: str
    ca_file: Path
    certificate_file: Path
    key_file: Path
    server_name: str | None = None
    use_environment_proxy: bool = False

    def missing(self) -> list[str]:
        """Returns the options that were not given, of a command that may do without."""
        options = {
            "--region": self.region,
            "--address": self.address,
            "--ca": self.ca_file,
            "--cert": self.certificate_file,
            "--key": self.key_file,
        }
        return [option for option, value in options.items() if not value]

    def open(self) -> "grpc.Channel":
        """Returns a channel, after a look at all that a handshake would fail on.

        Raises:
            StartError: the address has another form, a file cannot be used, or the caller's
                certificate is not of this time.
        """
        from yibao_cli.inputs import open_channel

        return open_channel(
            self.address,
            ca_file=self.ca_file,
            certificate_file=self.certificate_file,
            key_file=self.key_file,
            server_name=self.server_name,
            use_environment_proxy=self.use_environment_proxy,
        )


def takes_connection(
    called: Called,
    *,
    region: str = "The pooling region.",
    required: bool = True,
    needs_region: bool = True,
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command the options of a connection, in place of its parameter `at`.

    `region` is the help of its option. Without `required` nothing needs to be given, and without
    `needs_region` no region.
    """

    def decorate(run: Callable[..., None]) -> Callable[..., None]:
        own = [
            each.replace(kind=inspect.Parameter.KEYWORD_ONLY)
            for each in inspect.signature(run, eval_str=True).parameters.values()
            if each.name != "at"
        ]
        options = _options(called, region, required=required, needs_region=needs_region)

        @functools.wraps(run)
        def command(**values: Any) -> None:
            values.pop("context")
            at = Connection(
                region=values.pop("region") or "",
                address=values.pop("address") or "",
                ca_file=values.pop("ca"),
                certificate_file=values.pop("cert"),
                key_file=values.pop("key"),
                server_name=values.pop("server_name") or None,
                use_environment_proxy=values.pop("use_proxy"),
            )
            run(at=at, **values)

        parameters = [*own, *options]
        # What Typer reads options from.
        command.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {each.name: each.annotation for each in parameters}
        command.called = called  # type: ignore[attr-defined]
        return command

    return decorate


def _options(
    called: Called, region: str, *, required: bool, needs_region: bool
) -> list[inspect.Parameter]:
    name = called if isinstance(called, str) else ""
    address = f"host:port of the {name} service." if name else _ANY_ADDRESS
    told = (
        ("region", str, "REGION", region, REGION[1], required and needs_region),
        ("address", str, "HOST:PORT", address, ADDRESS_VARIABLES.get(name), required),
        ("ca", Path, "FILE", "PEM of the CA that certifies the service.", CA[1], required),
        ("cert", Path, "FILE", "PEM of your certificate.", CERTIFICATE[1], required),
        ("key", Path, "FILE", "PEM of your key.", KEY[1], required),
        ("server_name", str, "NAME", _SERVER_NAME, SERVER_NAME[1], False),
    )
    return [
        *(_option(*each) for each in told),
        _keyword("context", "", ContextName),
        _keyword("use_proxy", False, UseProxy),
    ]


def _option(
    name: str, kind: Any, metavar: str, help_: str, variable: str | None, is_required: bool
) -> inspect.Parameter:
    said = typer.Option(f"--{name.replace('_', '-')}", help=help_, envvar=variable, metavar=metavar)
    if is_required:
        return _keyword(name, inspect.Parameter.empty, Annotated[kind, said])
    return _keyword(name, None, Annotated[kind | None, said])


def _keyword(name: str, default: Any, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation
    )
