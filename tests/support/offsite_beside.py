"""Offsite beside identity and settlement, on a database of the same kind."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Iterator
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
    files = _key_files(services)
    keys = [read_secret(path) for path in files["encryption_key_files"]]
    return Vault(keys, read_secret(files["hash_key_file"]), random_bytes=os.urandom)


def _key_files(services: BothServices) -> dict[str, Any]:
    """Returns the table of offsite's own keys, which are made where they are missing."""
    encryption, of_hash = (
        services.files.folder / f"offsite-{name}.hex" for name in ("encryption", "hash")
    )
    for file in (encryption, of_hash):
        if not file.exists():
            file.write_text(os.urandom(32).hex())
    return {"encryption_key_files": [encryption], "hash_key_file": of_hash}


@contextlib.contextmanager
def offsite_beside(
    services: BothServices, *, reach: Callable[[int], int] = lambda port: port
) -> Iterator[BothServices]:
    """Runs offsite, which follows identity; its port and database are the services'.

    `reach` gives the port by which it reaches identity's.
    """
    assert services.databases is not None
    services.files.issue(Leaf("offsite-server", "service/offsite", is_server=True))
    database = services.databases.open("yibao_offsite")
    config = OffsiteConfig.model_validate(
        {
            "server": server_of(services.files, "offsite-server"),
            "database": {"url": url_of(database)},
            "personal_data": _key_files(services),
            "identity": {
                "address": f"localhost:{reach(services.ports['identity'])}",
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
