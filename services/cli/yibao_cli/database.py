"""`yibao db`: schemas of the services' databases."""

from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from yibao_cli.services import config_files, read_config
from yibao_common.db.database import Database, failure_text
from yibao_common.db.migrations import upgrade
from yibao_common.db.transactions import StoredTransactions
from yibao_common.process.config import StartError
from yibao_common.values.clock import system_clock
from yibao_common.values.errors import TransientError
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
    for path in config_files(given):
        found = read_config(path)
        url = sa.make_url(found.config.database.url).render_as_string(hide_password=True)
        database = Database(found.config.database.url)
        try:
            upgrade(database, found.package)
        except (sa.exc.OperationalError, TransientError) as error:
            raise StartError(f"{url}: {failure_text(error)}") from None
        finally:
            database.close()
        console.print(f"{found.service}: {url} is up to date", soft_wrap=True, markup=False)
    return 0


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
    for config in configs:
        database = Database(config.database.url)
        transactions: StoredTransactions[Work] = StoredTransactions(
            database, answers=tables.answer, unit=UNIT, clock=system_clock
        )
        checkpoints = Checkpoints(transactions, others_ended=database.others_ended)
        try:
            for region in config.identity.regions:
                accounts = checkpoints.rebuild(region)
                console.print(f"{region}: {accounts} accounts folded", markup=False)
        except (sa.exc.DBAPIError, TransientError) as error:
            url = sa.make_url(config.database.url).render_as_string(hide_password=True)
            raise StartError(f"{url}: {failure_text(error)}") from None
        finally:
            database.close()
    return 0
