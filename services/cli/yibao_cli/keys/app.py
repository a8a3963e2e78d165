"""`yibao keys`: who may sign, and the root of all that. Each command tells what comes next."""

import datetime as dt
from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from yibao_cli.command_line import App
from yibao_cli.options import IDENTITY_OF_SANDBOX, OFFSITE_OF_SANDBOX, Json

app = App(help="Signing keys of identity: make, rotate, kill.")
root_app = App(help="The root of trust, made offline by several holders.")
app.add_typer(root_app, name="root")

Config = Annotated[Path, typer.Option("--config", help="Configuration of the identity service.")]
Days = Annotated[int, typer.Option("--days", min=1, max=1098, help="How long it holds.")]
By = Annotated[str, typer.Option("--by", help="Who is written down; the user if absent.")]
Emergency = Annotated[
    bool,
    typer.Option("--emergency", help="Use it before every verifier can know it."),
]
Previous = Annotated[
    Path | None, typer.Option("--previous", help="The root before this one, complete.")
]
Out = Annotated[Path, typer.Option("--out", help="The document to write.")]
RootKeys = Annotated[
    list[Path] | None,
    typer.Option("--key", help="PEM of a holder's public key; repeatable."),
]
TrustKeys = Annotated[
    list[Path] | None,
    typer.Option("--trust-key", help="PEM of a public key that may sign snapshots; repeatable."),
]
PassphraseFile = Annotated[
    Path | None, typer.Option("--passphrase-file", help="Asked for if absent.")
]


class Use(Enum):
    """What a key signs."""

    tok = "tok"
    cred = "cred"
    status = "status"
    trust = "trust"


class IssuedUse(Enum):
    """What a key that the service itself lists signs."""

    tok = "tok"
    cred = "cred"
    status = "status"
    attest = "attest"


@app.command("new")
def new(
    use: Annotated[Use, typer.Option("--use", help="What it is to sign.")],
    config: Config = IDENTITY_OF_SANDBOX,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", help="For which it signs; those of the configuration if absent."),
    ] = None,
    days: Days = 365,
    emergency: Emergency = False,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Make a key. The first of its use signs at once, later ones wait a week."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import session

    with session(config, by=by) as (out, found, admin):
        if use is Use.trust:
            online.make_trust_key(out, found, admin)
            return
        regions = region or list(found.issuer.regions)
        life = dt.timedelta(days=days)
        online.make(out, admin, use.value, regions=regions, life=life, is_emergency=emergency)


@app.command("request")
def request(
    out_file: Annotated[Path, typer.Option("--out", help="The request to write.")],
    config: Annotated[
        Path, typer.Option("--config", help="Configuration of the offsite service.")
    ] = OFFSITE_OF_SANDBOX,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", help="For which it signs; those of the configuration if absent."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a key of the offsite service for attestations, and what identity takes it by."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.keys import attest

    with told_plainly():
        attest.request(out, config, out_file, regions=region or [])


@app.command("take")
def take(
    file: Annotated[Path, typer.Argument(help="What `yibao keys request` wrote.")],
    config: Config = IDENTITY_OF_SANDBOX,
    region: Annotated[
        list[str] | None,
        typer.Option("--region", help="Allowed to it; those of the configuration if absent."),
    ] = None,
    days: Days = 365,
    emergency: Emergency = False,
    by: By = "",
    as_json: Json = False,
) -> None:
    """List a key of the offsite service. The first signs at once, later ones wait a week."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import session

    with session(config, by=by) as (out, found, admin):
        online.take(
            out,
            admin,
            file,
            regions=region or list(found.issuer.regions),
            life=dt.timedelta(days=days),
            is_emergency=emergency,
        )


@app.command("list")
def list_(config: Config = IDENTITY_OF_SANDBOX, as_json: Json = False) -> None:
    """Show all keys, the root in force and what is denied."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import clock_of, session

    with session(config) as (out, found, admin):
        online.show(out, admin, now=clock_of(found)())


@app.command("rotate")
def rotate(
    use: Annotated[IssuedUse, typer.Option("--use", help="Whose successor.")],
    config: Config = IDENTITY_OF_SANDBOX,
    days: Days = 365,
    emergency: Emergency = False,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Make the next key, or put it to use once it has been published for seven days."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import session

    with session(config, by=by) as (out, _, admin):
        life = dt.timedelta(days=days)
        online.rotate(out, admin, use.value, life=life, is_emergency=emergency)


@app.command("kill")
def kill(
    key_id: Annotated[str, typer.Argument(help="The key, or how its id begins.", metavar="KEY_ID")],
    config: Config = IDENTITY_OF_SANDBOX,
    since: Annotated[
        dt.datetime | None,
        typer.Option(
            help="Since when it may be in other hands, UTC unless it says; now if absent."
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option(help="Put another key to use at once where it signed.")
    ] = True,
    days: Days = 365,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Withdraw a key for good: all that it ever signed is refused."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import clock_of, in_utc, session

    with session(config, by=by) as (out, found, admin):
        online.kill(
            out,
            admin,
            key_id,
            since=clock_of(found)() if since is None else in_utc(since),
            is_replaced=replace,
            life=dt.timedelta(days=days),
        )


@app.command("deny")
def deny(
    certificate_id: Annotated[
        list[str], typer.Argument(help="Device certificates: 16 hexadecimal digits each.")
    ],
    why: Annotated[str, typer.Option(help="For the record.")],
    config: Config = IDENTITY_OF_SANDBOX,
    hours: Annotated[
        int, typer.Option(min=1, max=168, help="How long; a certificate lives 72 at most.")
    ] = 73,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Have device certificates refused before their status list reaches anyone."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import clock_of, session

    with session(config, by=by) as (out, found, admin):
        until = clock_of(found)() + dt.timedelta(hours=hours)
        online.deny(out, admin, certificate_id, expire_time=until, explanation=why)


@app.command("undeny")
def undeny(
    certificate_id: Annotated[list[str], typer.Argument(help="Denied device certificates.")],
    config: Config = IDENTITY_OF_SANDBOX,
    by: By = "",
    as_json: Json = False,
) -> None:
    """End denials before their time."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import session

    with session(config, by=by) as (out, _, admin):
        online.undeny(out, admin, certificate_id)


@root_app.command("new-key")
def root_new_key(
    file: Annotated[Path, typer.Argument(help="The private key to write: holder-1.pem.")],
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Make the key of one holder; only the .pub.pem beside it is ever handed on."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.keys import offline

    with told_plainly():
        offline.new_key(out, file, passphrase_file)


@root_app.command("init")
def root_init(
    out_file: Out,
    key: RootKeys = None,
    trust_key: TrustKeys = None,
    threshold: Annotated[int, typer.Option(help="How many holders have to sign.")] = 2,
    days: Days = 366,
    as_json: Json = False,
) -> None:
    """Draft root 1 from the holders' public keys and the trust key's."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.keys import offline
    from yibao_common.values.clock import system_clock

    with told_plainly():
        offline.init(
            out,
            out_file,
            key_files=key or [],
            trust_key_files=trust_key or [],
            threshold=threshold,
            life=dt.timedelta(days=days),
            now=system_clock(),
        )


@root_app.command("rotate")
def root_rotate(
    out_file: Out,
    previous: Annotated[Path, typer.Option("--previous", help="The root in force.")],
    key: RootKeys = None,
    trust_key: TrustKeys = None,
    threshold: Annotated[
        int | None, typer.Option(help="How many holders have to sign; as before if absent.")
    ] = None,
    days: Days = 366,
    as_json: Json = False,
) -> None:
    """Draft the next root; keys that are not given stay as they are."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.keys import offline
    from yibao_common.values.clock import system_clock

    with told_plainly():
        offline.rotate(
            out,
            out_file,
            previous_file=previous,
            key_files=key or [],
            trust_key_files=trust_key or [],
            threshold=threshold,
            life=dt.timedelta(days=days),
            now=system_clock(),
        )


@root_app.command("sign")
def root_sign(
    file: Annotated[Path, typer.Argument(help="The document, changed in place.")],
    key: Annotated[Path, typer.Option("--key", help="The holder's private key.")],
    previous: Previous = None,
    passphrase_file: PassphraseFile = None,
    as_json: Json = False,
) -> None:
    """Sign a root with one holder's key, after showing what it states."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.keys import offline

    with told_plainly():
        offline.sign(out, file, key, previous, passphrase_file)


@root_app.command("verify")
def root_verify(
    file: Annotated[Path, typer.Argument(help="The document.")],
    previous: Previous = None,
    as_json: Json = False,
) -> None:
    """Show what a root states, who has signed it and who is wanted still."""
    from yibao_cli.console import out, told_plainly
    from yibao_cli.keys import offline

    with told_plainly():
        raise typer.Exit(offline.verify(out, file, previous))


@root_app.command("publish")
def root_publish(
    file: Annotated[Path, typer.Argument(help="A root that enough holders have signed.")],
    config: Config = IDENTITY_OF_SANDBOX,
    by: By = "",
    as_json: Json = False,
) -> None:
    """Bring a root into the database, from where verifiers fetch it."""
    from yibao_cli.keys import online
    from yibao_cli.keys.session import session

    with session(config, by=by) as (out, _, admin):
        online.publish_root(out, admin, file)
