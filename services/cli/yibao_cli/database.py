"""`yibao db`: schemas of the services' databases, and what is due after a restore."""

import contextlib
import functools
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from yibao_cli.output import is_json, print_document
from yibao_cli.services import config_files, read_config
from yibao_common.db.database import Database
from yibao_common.db.failures import database_told
from yibao_common.db.migrations import upgrade
from yibao_common.db.opening import opened_database
from yibao_common.db.transactions import StoredTransactions
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock
from yibao_identity.storage import feed as identity_feed
from yibao_offsite.storage import feed as offsite_feed
from yibao_offsite.storage.qualification.errand import compare_anew
from yibao_settlement.application.checkpoint import Checkpoints
from yibao_settlement.application.work import Work
from yibao_settlement.config import SettlementConfig
from yibao_settlement.storage import tables
from yibao_settlement.storage.work import UNIT


def run_upgrade(console: Console, given: list[Path]) -> int:
    """Brings the database of each configuration up to date.

    Raises:
        StartError: a configuration is faulty, or a database cannot be reached or gave up.
    """
    told = []
    for path in config_files(given):
        found = read_config(path)
        url = found.config.database.url
        shown = sa.make_url(url).render_as_string(hide_password=True)
        waiting = f"{found.service}: {shown} is being written to, waiting"
        with database_told(url), contextlib.closing(Database(url)) as database:
            upgrade(database, found.package, tell_waiting=functools.partial(_tell, waiting))
        told.append({"service": found.service, "database": shown})
        if not is_json():
            console.print(f"{found.service}: {shown} is up to date", soft_wrap=True, markup=False)
    if is_json():
        print_document(console, {"up_to_date": told})
    return 0


def _tell(line: str) -> None:
    """Tells whoever waits, also where the output is a document."""
    print(line, file=sys.stderr, flush=True)


def run_refold(console: Console, given: list[Path]) -> int:
    """Makes the checkpoints of each settlement configuration's regions anew.

    Raises:
        StartError: a configuration is faulty or is none of settlement, or a database cannot
            be reached or gave up.
    """
    found = [read_config(path) for path in config_files(given)]
    configs = [each.config for each in found if isinstance(each.config, SettlementConfig)]
    if not configs:
        raise StartError("none of the configurations is settlement's")
    told = []
    for config in configs:
        url = config.database.url
        with opened_database(url, package="yibao_settlement") as database:
            transactions: StoredTransactions[Work] = StoredTransactions(
                database, answers=tables.answer, unit=UNIT, clock=system_clock
            )
            checkpoints = Checkpoints(transactions, others_ended=database.others_ended)
            for region in config.identity.regions:
                accounts = checkpoints.rebuild(region)
                told.append({"region": region, "accounts": accounts})
                if not is_json():
                    console.print(f"{region}: {accounts} accounts folded", markup=False)
    if is_json():
        print_document(console, {"folded": told})
    return 0


def run_restored(console: Console, given: list[Path]) -> int:
    """Makes those who follow identity or offsite read the feeds anew, whatever they have read.

    Raises:
        StartError: a configuration is faulty, none is identity's or offsite's, or a database
            cannot be reached or gave up.
    """
    found = [each for each in map(read_config, config_files(given)) if each.service in _TOLD]
    if not found:
        raise StartError("none of these is the configuration of identity or offsite")
    told: dict[str, list[str]] = {key: [] for key, _, _ in _TOLD.values()}
    for each in found:
        key, readers, renew = _TOLD[each.service]
        with (
            opened_database(each.config.database.url, package=each.package) as database,
            database.write() as connection,
        ):
            regions = renew(connection)
        told[key] += regions
        named = ", ".join(regions) or "none yet"
        if not is_json():
            sentence = f"{each.service}: {readers} the feeds anew of regions {named}"
            console.print(sentence, markup=False)
    if is_json():
        print_document(console, told)
    return 0


def _renew_offsite(connection: sa.Connection) -> list[str]:
    compare_anew(connection)
    return offsite_feed.renew_epochs(connection)


# By service, whose feeds are read: the key of their regions, who reads them, what renews them.
_TOLD: Mapping[str, tuple[str, str, Callable[[sa.Connection], list[str]]]] = {
    "identity": ("read_anew", "settlement and offsite read", identity_feed.renew_epochs),
    "offsite": ("offsite_read_anew", "settlement reads", _renew_offsite),
}
