"""What is examined of one service: files, certificates, keys, database, health."""

import datetime as dt
from collections.abc import Iterator

import grpc
import sqlalchemy as sa

from yibao.trust_store import TrustFolderError
from yibao_cli.doctor.attestations import examine_attestations
from yibao_cli.doctor.finding import Finding
from yibao_cli.doctor.scanner import examine_scanner
from yibao_cli.services import AnyConfig, ServiceConfig
from yibao_cli.stack import check_serving
from yibao_common.commands.sandbox import machine_clock_of
from yibao_common.db.opening import open_database, opened_database
from yibao_common.files.calendar_file import read_calendar
from yibao_common.keys.opening import open_key_store
from yibao_common.process.compiled import Compiled
from yibao_common.process.config import ServerConfig, StartError, split_address
from yibao_common.rpc.channels import Peer, open_channel
from yibao_common.rpc.own_certificate import (
    check_client_identity,
    check_own_certificates,
    host_names,
    read_own_certificates,
)
from yibao_common.rpc.tls import check_serials
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.working_days import ENDS_SOON
from yibao_identity.config import IdentityConfig
from yibao_identity.keys import KeyEndedError, KeyRing, open_vault
from yibao_identity.secret_files import examine_secrets
from yibao_identity.storage.tables import metadata as identity_metadata
from yibao_identity.storage.trust.rows import StoredTrust
from yibao_offsite.config import ChronicConfig, OffsiteConfig
from yibao_offsite.qualifying import read_disease_lists
from yibao_offsite.secret_files import examine_secrets as examine_paper_keys
from yibao_offsite.secret_files import named_secrets
from yibao_offsite.secret_files import open_vault as open_paper_vault
from yibao_offsite.storage.tables import metadata as offsite_metadata
from yibao_settlement.config import SettlementConfig
from yibao_settlement.storage.tables import metadata as settlement_metadata
from yibao_settlement.trust_opening import open_trust_store

_METADATA = {
    "identity": identity_metadata,
    "settlement": settlement_metadata,
    "offsite": offsite_metadata,
}
_SOON = dt.timedelta(days=14)
# Of a root holders have to come together.
_ROOT_ENDS_SOON = dt.timedelta(days=30)
_HEALTH_SECONDS = 3.0
_EVERY_INTERFACE = ("0.0.0.0", "::")  # noqa: S104 (compared with, not bound to)


def examine_compiled(found: Compiled) -> Finding:
    """Tells whether bills are decided by compiled modules; those of other sources are a fault."""
    subject = "compiled modules"
    if found.problem:
        return Finding(subject, f"not used: {found.problem}")
    remark = f"{found.modules} are used" if found.modules else "none: the sources are used"
    return Finding(subject, remark=remark)


def examine_files(found: ServiceConfig, *, clock: Clock) -> Iterator[Finding]:
    """Examines certificates and keys."""
    server = found.config.server
    if server.insecure:
        yield Finding("TLS", remark="off, for development on one machine")
    else:
        yield _examine_tls(found, now=machine_clock_of(clock)())
    if isinstance(found.config, IdentityConfig):
        if examine_database(found).problem:
            # Which keys sign stands in the database, whose fault is told of elsewhere.
            yield Finding("keys of identity", remark="not examined: the database cannot be used")
        else:
            yield from _examine_identity_keys(found.config, clock=clock)
    if isinstance(found.config, SettlementConfig):
        yield _examine_root(found.config, now=clock())
    if isinstance(found.config, OffsiteConfig):
        if examine_database(found).problem:
            yield Finding("keys of papers", remark="not examined: the database cannot be used")
        else:
            yield _examine_paper_keys(found.config)
        yield from examine_attestations(found.config, clock=clock)
        yield examine_scanner(found.config.materials)
        yield _examine_calendar(found.config, today=shanghai_day(clock()))
        yield _examine_disease_lists(found.config.chronic)


def examine_database(found: ServiceConfig) -> Finding:
    """Examines whether the database can be reached and has the schema of this program."""
    url = sa.make_url(found.config.database.url)
    subject = f"database {url.render_as_string(hide_password=True)}"
    try:
        metadata = _METADATA[found.service]
        open_database(found.config, package=found.package, metadata=metadata).close()
    except StartError as error:
        return Finding(subject, str(error).removeprefix(f"{subject}: "))
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
    subject = f"certificate {server.certificate_file}"
    try:
        check_own_certificates(server, now=now)
        if _calls_another(found.config):
            check_client_identity(server, service=found.service)
        own = read_own_certificates(server)
        if server.revoked_serials_file is not None:
            check_serials(server.revoked_serials_file)
    except StartError as error:
        return Finding(subject, str(error))
    return Finding(subject, remark=_ends(own.end_time, now))


def _calls_another(config: AnyConfig) -> bool:
    """Tells whether a service calls another one, with the certificate that it serves with."""
    if isinstance(config, IdentityConfig):
        return config.settlement.address is not None
    if isinstance(config, OffsiteConfig):
        return config.identity is not None
    return isinstance(config, SettlementConfig)


def _examine_identity_keys(config: IdentityConfig, *, clock: Clock) -> Iterator[Finding]:
    """Examines whether this machine can sign all that it has to, and for how long."""
    subject, unsigned = "keys of identity", ""
    try:
        vault, store = open_vault(config), open_key_store(config.keys)
        with opened_database(config.database.url, package="yibao_identity") as database:
            examine_secrets(config, database, vault)
            tables = StoredTrust(database)
            ring = KeyRing(tables, store, regions=config.issuer.regions, clock=clock)
            try:
                ring.reload()
            except KeyEndedError as error:
                unsigned = str(error)
            with tables.view() as view:
                root = view.newest_root()
    except StartError as error:
        yield Finding(subject, str(error))
        return
    if unsigned:
        yield Finding(subject, unsigned)
    for use, expire_time in ring.expire_times().items():
        ended = _ended(expire_time, clock())
        problem = f"{ended}: see `yibao keys rotate --help`" if ended else ""
        yield Finding(f"{use.value} key", problem, _ends(expire_time, clock()))
    if root is None:
        yield Finding("root of trust", "there is none: see `yibao keys root --help`")
        return
    problem = "" if ring.snapshot_signer(root.trust_keys) else "no trust key of it is here"
    if ended := _ended(root.expire_time, clock()):
        problem = f"{ended}, and nobody verifies a code: see `yibao keys root rotate --help`"
    remark = _ends(root.expire_time, clock(), soon=_ROOT_ENDS_SOON)
    yield Finding(f"root of trust {root.version}", problem, remark)


def _examine_paper_keys(config: OffsiteConfig) -> Finding:
    """Examines whether the keys are those that papers are sealed with."""
    subject = "keys of papers"
    try:
        vault = open_paper_vault(config)
        with opened_database(config.database.url, package="yibao_offsite") as database:
            examine_paper_keys(database, vault, named=named_secrets(config))
    except StartError as error:
        return Finding(subject, str(error))
    remark = "fit the database" if vault else "personal_data is not set: no papers are kept"
    if config.shuts_papers_out:
        remark = "WARNING: no part of a paper fits into server.max_message_bytes: 600000 at least"
    return Finding(subject, remark=remark)


def _examine_calendar(config: OffsiteConfig, *, today: dt.date) -> Finding:
    """Tells until when holidays are known: of years that are not, due days are wrong."""
    subject = "calendar of working days"
    try:
        last = read_calendar(config.calendar.file).told_until(today)
    except StartError as error:
        return Finding(subject, str(error))
    remark = f"tells of holidays until {last}"
    if last < today:
        remark = f"WARNING: it {remark} alone; those since count as working days"
    elif last - today < ENDS_SOON:
        remark = f"RENEW SOON, {remark}"
    return Finding(subject, remark=remark)


def _examine_disease_lists(config: ChronicConfig) -> Finding:
    """Examines whether what regions qualify for can be read: without it offsite does not start."""
    subject = "lists of diseases"
    try:
        read_disease_lists(config)
    except StartError as error:
        return Finding(subject, str(error))
    files = len(config.files or ())
    remark = f"{files} of regions and the national one" if files else "the national one alone"
    return Finding(subject, remark=remark)


def _examine_root(config: SettlementConfig, *, now: dt.datetime) -> Finding:
    subject = f"root of trust {config.identity.root_file}"
    try:
        store = open_trust_store(config)
        # Looks at what the service has fetched since: a successor is what is in use.
        store.needs_refresh(now=now)
    except (StartError, TrustFolderError) as error:
        return Finding(subject, str(error))
    root = store.root
    # An old one is good to start from: its successors are fetched.
    end = _ended(root.expire_time, now) or _ends(root.expire_time, now, soon=_ROOT_ENDS_SOON)
    return Finding(subject, remark=f"version {root.version}, {end}")


def _ended(expire: dt.datetime, now: dt.datetime) -> str:
    """Returns when something ended; nothing where it has not."""
    return f"ended at {expire:%Y-%m-%d %H:%M} UTC" if expire <= now else ""


def _ends(expire: dt.datetime, now: dt.datetime, *, soon: dt.timedelta = _SOON) -> str:
    left = expire - now
    return f"{'RENEW SOON, ' if left < soon else ''}ends in {left.days} days"


def _open_channel(server: ServerConfig) -> grpc.Channel:
    host, port = split_address(server.address)
    target = f"localhost:{port}" if host in _EVERY_INTERFACE else server.address
    # Asked from here, the service bears the name in its certificate all the same.
    return open_channel(Peer(target, _own_name(server)), own=server)


def _own_name(server: ServerConfig) -> str | None:
    if server.insecure:
        return None
    return next(iter(host_names(read_own_certificates(server).certificate)), None)
