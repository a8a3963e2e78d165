"""What is examined of one service: files, certificates, keys, database, health."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import sqlalchemy as sa
from cryptography import x509

from yibao.trust import QrError, TrustRoot
from yibao_cli.services import ServiceConfig
from yibao_cli.stack import check_serving
from yibao_common.db.database import Database
from yibao_common.db.schema import check_is_current
from yibao_common.process.config import ServerConfig, StartError, split_address
from yibao_common.process.logs import open_log
from yibao_common.rpc.channels import Peer, open_channel
from yibao_common.rpc.tls import server_credentials
from yibao_common.values.clock import Clock
from yibao_common.values.errors import TransientError
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyRing, open_key_store, open_vault
from yibao_identity.secret_files import examine_secrets
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_settlement.config import SettlementConfig

_SOON = dt.timedelta(days=14)
_HEALTH_SECONDS = 3.0
_EVERY_INTERFACE = ("0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)


@dataclass(frozen=True, slots=True)
class Finding:
    """What was examined and what is wrong with it; an empty `problem` means nothing."""

    subject: str
    problem: str = ""
    remark: str = ""


def examine_files(found: ServiceConfig, *, clock: Clock) -> Iterator[Finding]:
    """Examines certificates and keys."""
    server = found.config.server
    if server.insecure:
        yield Finding("TLS", remark="off, for development on one machine")
    else:
        yield _examine_tls(found, now=clock())
    if isinstance(found.config, IdentityConfig):
        yield from _examine_identity_keys(found.config, clock=clock)
    if isinstance(found.config, SettlementConfig):
        yield _examine_root(found.config.identity.root_file, now=clock())


def examine_database(found: ServiceConfig) -> Finding:
    """Examines whether the database can be reached and has the schema of this program."""
    url = sa.make_url(found.config.database.url)
    subject = f"database {url.render_as_string(hide_password=True)}"
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        # Opening it would make it.
        return Finding(subject, "there is no such file: run `yibao db upgrade`")
    database = Database(found.config.database.url)
    try:
        check_is_current(database, found.package)
    except StartError as error:
        return Finding(subject, str(error))
    except (sa.exc.SQLAlchemyError, TransientError) as error:
        # Its text may hold the password.
        return Finding(subject, f"cannot be read: {type(error).__name__}")
    finally:
        database.close()
    return Finding(subject, remark="schema is current")


def examine_health(found: ServiceConfig) -> Finding:
    """Asks the running service whether it serves, with its own certificate."""
    server = found.config.server
    subject = f"health at {server.address}"
    try:
        with _open_channel(server) as channel:
            check_serving(channel, found.service, seconds=_HEALTH_SECONDS, wait=False)
    except (StartError, OSError, ValueError) as error:
        return Finding(subject, str(error))
    return Finding(subject, remark="serving")


def _examine_tls(found: ServiceConfig, *, now: dt.datetime) -> Finding:
    server = found.config.server
    certificate, key, client_ca = server.certificate_file, server.key_file, server.client_ca_file
    assert certificate is not None
    assert key is not None
    assert client_ca is not None
    subject = f"certificate {certificate}"
    log = open_log(found.config.log, service=found.service, clock=lambda: now)
    try:
        server_credentials(certificate, key, client_ca, log=log)
        files = {certificate: _first(certificate), client_ca: _first(client_ca)}
    except (StartError, OSError, ValueError) as error:
        return Finding(subject, str(error))
    for path, each in files.items():
        if not each.not_valid_before_utc <= now < each.not_valid_after_utc:
            return Finding(
                subject,
                f"{path} holds from {each.not_valid_before_utc:%Y-%m-%d %H:%M} to "
                f"{each.not_valid_after_utc:%Y-%m-%d %H:%M} UTC",
            )
    return Finding(
        subject, remark=_ends(min(each.not_valid_after_utc for each in files.values()), now)
    )


def _examine_identity_keys(config: IdentityConfig, *, clock: Clock) -> Iterator[Finding]:
    """Examines whether this machine can sign all that it has to, and for how long."""
    subject = "keys of identity"
    url = sa.make_url(config.database.url)
    if url.get_backend_name() == "sqlite" and not Path(url.database or "").exists():
        # Which keys sign stands in the database, whose absence is told of elsewhere.
        yield Finding(subject, remark="not examined: the database is missing")
        return
    database = Database(config.database.url)
    try:
        examine_secrets(config, database, open_vault(config))
        tables = StoredTrust(database)
        store = open_key_store(config.keys)
        ring = KeyRing(tables, store, regions=config.issuer.regions, clock=clock)
        ring.reload()
        with tables.view() as view:
            root = view.newest_root()
    except StartError as error:
        yield Finding(subject, str(error))
        return
    except (sa.exc.SQLAlchemyError, TransientError) as error:
        # Its text may hold the password.
        yield Finding(subject, f"cannot be read: {type(error).__name__}")
        return
    finally:
        database.close()
    for use, expire_time in ring.expire_times().items():
        yield Finding(f"{use.value} key", remark=_ends(expire_time, clock()))
    if root is None:
        yield Finding("root of trust", "there is none: see `yibao keys root --help`")
        return
    problem = "" if ring.snapshot_signer(root.trust_keys) else "no trust key of it is here"
    yield Finding(f"root of trust {root.version}", problem, _ends(root.expire_time, clock()))


def _examine_root(path: Path, *, now: dt.datetime) -> Finding:
    subject = f"root of trust {path}"
    try:
        root = TrustRoot.first(path.read_bytes())
    except OSError as error:
        return Finding(subject, f"cannot be read: {type(error).__name__}")
    except QrError as error:
        return Finding(subject, error.message)
    # An old one is good to start from: its successors are fetched.
    return Finding(subject, remark=f"version {root.version}, {_ends(root.expire_time, now)}")


def _first(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def _ends(expire: dt.datetime, now: dt.datetime) -> str:
    left = expire - now
    return f"{'RENEW SOON, ' if left < _SOON else ''}ends in {left.days} days"


def _open_channel(server: ServerConfig) -> grpc.Channel:
    host, port = split_address(server.address)
    target = f"localhost:{port}" if host in _EVERY_INTERFACE else server.address
    # Asked from here, the service bears the name in its certificate all the same.
    return open_channel(Peer(target, _own_name(server)), own=server)


def _own_name(server: ServerConfig) -> str | None:
    if server.certificate_file is None:
        return None
    names = _first(server.certificate_file).extensions.get_extension_for_class(
        x509.SubjectAlternativeName
    )
    return next(iter(names.value.get_values_for_type(x509.DNSName)), None)
