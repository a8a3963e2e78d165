"""The feed of the identity service, over real databases."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
from support.databases import Databases, PostgresDatabases
from support.identity_world import (
    REGION,
    Identity,
    IdentityFiles,
    citizen_number,
    identity_processes,
    make_identity_files,
    serving_identity,
)

from yibao.identity.v1 import person_service_pb2 as persons
from yibao.identity.v1 import trust_service_pb2 as trust

PACKAGE = "yibao_identity"
Scenario = Callable[[Identity], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("identity"))


@pytest.fixture
def run(databases: Databases, files: IdentityFiles) -> Callable[[Scenario], str]:
    """Runs a scenario against a service over a new database; returns the log."""

    def run_scenario(scenario: Scenario) -> str:
        async def main() -> str:
            url = databases.migrated_url(PACKAGE)
            async with serving_identity(files, url) as identity:
                await scenario(identity)
            return identity.lines.getvalue()

        return asyncio.run(main())

    return run_scenario


async def changes(identity: Identity, after: int = 0, **fields: Any) -> list[Any]:
    request = persons.ListEnrolmentChangesRequest(
        region=REGION, **{"after_sequence": after, **fields}
    )
    answer = await identity.persons("settlement").ListEnrolmentChanges(request)
    return list(answer.changes)


def test_the_feed_has_no_gap_when_many_register_at_once(run: Callable[[Scenario], str]) -> None:
    async def scenario(identity: Identity) -> None:
        async def watch() -> list[int]:
            """Follows the feed while it grows, as settlement does."""
            seen: list[int] = []
            while len(seen) < 60:
                new = [change.sequence for change in await changes(identity, len(seen))]
                assert new == list(range(len(seen) + 1, len(seen) + 1 + len(new)))
                seen += new
            return seen

        async def enrol(sequence: int) -> None:
            person = await identity.register(citizen_number(sequence))
            await identity.activate(person.person_id)

        watching = asyncio.create_task(watch())
        await asyncio.gather(*(enrol(sequence) for sequence in range(30)))
        assert await asyncio.wait_for(watching, 30) == list(range(1, 61))

    run(scenario)


@pytest.mark.parametrize(
    ("after", "size", "expected"),
    [
        (0, 2, [1, 2]),
        (1, 2, [2, 3]),
        (2, 2, [3]),
        (3, 2, []),
        (9, 2, []),
        (0, 0, [1, 2, 3]),
        (0, 999_999, [1, 2, 3]),
    ],
)
def test_the_feed_is_read_in_pages(
    run: Callable[[Scenario], str], after: int, size: int, expected: list[int]
) -> None:
    async def scenario(identity: Identity) -> None:
        for sequence in range(3):
            await identity.register(citizen_number(sequence))
        found = await changes(identity, after, page_size=size)
        assert [change.sequence for change in found] == expected

    run(scenario)


def test_two_processes_keep_the_feed_of_one_database_without_gaps(
    postgres_databases: PostgresDatabases, files: IdentityFiles, tmp_path: Path
) -> None:
    url = postgres_databases.migrated_url(PACKAGE)

    async def main() -> None:
        async with identity_processes(files, url, tmp_path, count=2) as identities:

            async def enrol(sequence: int) -> None:
                person = await identities[sequence % 2].register(citizen_number(sequence))
                await identities[(sequence + 1) % 2].activate(person.person_id)

            await asyncio.gather(*(enrol(sequence) for sequence in range(40)))
            sequences = [change.sequence for change in await changes(identities[0])]
            assert sequences == list(range(1, 81))
            snapshots = {
                (await each.trust().GetTrustSnapshot(trust.GetTrustSnapshotRequest())).snapshot
                for each in identities
            }
            assert len(snapshots) == 1

    asyncio.run(main())
