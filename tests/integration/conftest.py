"""Services that the tests of a file share."""

from collections.abc import Callable, Iterator

import pytest
from support.both_services import BothServices, Patient, both_services
from support.databases import (
    KINDS,
    Databases,
    PostgresDatabases,
    PostgresServer,
    SqliteDatabases,
)
from support.faulty_network import Relay
from support.sandboxes import sandbox_folder as sandbox_folder
from support.sandboxes import sandbox_keys as sandbox_keys


@pytest.fixture(scope="module", params=KINDS)
def services(
    request: pytest.FixtureRequest,
    postgres_starter: Callable[[], PostgresServer],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[BothServices]:
    """Runs identity and settlement for a file of tests, once on each kind of database."""
    folder = tmp_path_factory.mktemp("services")
    databases: Databases
    if request.param == "sqlite":
        databases = SqliteDatabases(folder)
    else:
        databases = PostgresDatabases(postgres_starter())
    with both_services(folder / "files", databases) as running:
        yield running
    databases.close()


@pytest.fixture(scope="module")
def patient(services: BothServices) -> Patient:
    """Registers somebody with a visit."""
    return services.patient()


@pytest.fixture
def relays() -> Iterator[list[Relay]]:
    """Takes relays between services, and closes them."""
    running: list[Relay] = []
    yield running
    for each in running:
        each.close()
