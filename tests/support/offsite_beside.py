"""Offsite beside identity and settlement, on a database of the same kind."""

import contextlib
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

from support.both_services import BothServices, server_of, url_of
from support.services import run_service
from support.serving import open_test_log
from support.settlement_world import REGION
from support.threads import in_a_thread

from yibao_common.keys.dev_ca import Leaf
from yibao_common.keys.vault import Vault, read_secret
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService


def offsite_vault(services: BothServices) -> Vault:
    """Returns what offsite seals with."""
    files = paper_keys(services.files.folder)
    keys = [read_secret(path) for path in files["encryption_key_files"]]
    return Vault(keys, read_secret(files["hash_key_file"]), random_bytes=os.urandom)


def paper_keys(folder: Path) -> dict[str, Any]:
    """Makes the keys of papers in a folder, and returns what the configuration says of them."""
    files = {name: folder / f"offsite-{name}.hex" for name in ("encryption", "hash")}
    for number, file in enumerate(files.values(), 1):
        file.write_text(f"{number:064x}")
    return {"encryption_key_files": [files["encryption"]], "hash_key_file": files["hash"]}


@contextlib.contextmanager
def offsite_beside(services: BothServices) -> Iterator[BothServices]:
    """Runs offsite, which follows identity; its port and database are the services'."""
    assert services.databases is not None
    services.files.issue(Leaf("offsite-server", "service/offsite", is_server=True))
    database = services.databases.open("yibao_offsite")
    config = OffsiteConfig.model_validate(
        {
            "server": server_of(services.files, "offsite-server"),
            "database": {"url": url_of(database)},
            "personal_data": paper_keys(services.files.folder),
            "identity": {
                "address": f"localhost:{services.ports['identity']}",
                "regions": [REGION],
                "poll_seconds": 0.05,
            },
        }
    )
    log, _ = open_test_log()

    @contextlib.asynccontextmanager
    async def serve() -> AsyncIterator[int]:
        service = OffsiteService(config, log=log, clock=services.clock)
        async with run_service(service) as port:
            yield port

    with in_a_thread(serve) as port:
        services.ports["offsite"] = port
        services.offsite_database = database
        yield services
