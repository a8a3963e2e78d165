"""Offsite beside identity and settlement, on a database of the same kind."""

import contextlib
from collections.abc import AsyncIterator, Iterator

from support.both_services import BothServices, server_of, url_of
from support.services import run_service
from support.serving import open_test_log
from support.settlement_world import REGION
from support.threads import in_a_thread

from yibao_common.keys.dev_ca import Leaf
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService


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
