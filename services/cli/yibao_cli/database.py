"""`yibao db`: schemas of the services' databases."""

from pathlib import Path

import sqlalchemy as sa
from rich.console import Console

from yibao_cli.services import config_files, read_config
from yibao_common.db.database import Database, failure_text
from yibao_common.db.migrations import upgrade
from yibao_common.process.config import StartError
from yibao_common.values.errors import TransientError


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
