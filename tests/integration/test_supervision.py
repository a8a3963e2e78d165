"""What supervisors read of the audit over mutual TLS (I-05)."""

import asyncio
import datetime as dt
from collections.abc import Callable, Coroutine, Sequence
from typing import Any

import pytest
from support.databases import Databases
from support.identity_world import (
    OTHER_REGION,
    REGION,
    Identity,
    IdentityFiles,
    make_identity_files,
    refusal,
    serving_identity,
)
from support.serving import reason_in

from yibao.common.v1.audit_pb2 import AuditEvent
from yibao.identity.v1 import supervision_service_pb2 as pb
from yibao_common.commands.audit import AuditEntry, chained_hash
from yibao_common.db.audit_chain import record_audit
from yibao_common.db.database import Database
from yibao_common.rpc.wire import to_instant
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables

NOW = dt.datetime(2026, 11, 20, 4, 0, 0, 7, tzinfo=dt.UTC)
CARD, PERSON = new_id(), new_id()
Scenario = Callable[[Identity], Coroutine[Any, Any, None]]


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> IdentityFiles:
    return make_identity_files(tmp_path_factory.mktemp("supervision"))


@pytest.fixture
def run(databases: Databases, files: IdentityFiles) -> Callable[[Scenario], None]:
    """Runs a scenario against a service whose audit has four rows."""

    def run_scenario(scenario: Scenario) -> None:
        async def main() -> None:
            url = databases.migrated_url("yibao_identity")
            _record_four(url)
            async with serving_identity(files, url) as identity:
                await scenario(identity)

        asyncio.run(main())

    return run_scenario


def _record_four(url: str) -> None:
    outcomes = ("OK", "PIN_INCORRECT", "PIN_LOCKED", "OK")
    subjects = ((PERSON,), (CARD, PERSON), (CARD,), ())
    database = Database(url)
    with database.write() as connection:
        for outcome, subject_ids in zip(outcomes, subjects, strict=True):
            entry = AuditEntry(
                region=REGION,
                at=NOW,
                caller="terminal/H99901900001/T1",
                method="VerifyPin",
                subject_ids=subject_ids,
                outcome=outcome,
                detail={"tries_left": "2"},
                request_id="",
            )
            record_audit(connection, tables.audit, entry)
    database.close()


async def events(
    identity: Identity, name: str = "supervisor", **fields: Any
) -> Sequence[AuditEvent]:
    request = pb.ListAuditEventsRequest(**{"region": REGION, **fields})
    answer = await identity.supervision(name).ListAuditEvents(request)
    return list(answer.events)


def test_a_supervisor_reads_who_did_what_and_proves_the_chain(
    run: Callable[[Scenario], None],
) -> None:
    """I-05: what was done is read in its order, and what is left out would show."""

    async def scenario(identity: Identity) -> None:
        found = await events(identity)
        assert [event.sequence for event in found] == [1, 2, 3, 4]
        assert [event.outcome for event in found] == ["OK", "PIN_INCORRECT", "PIN_LOCKED", "OK"]
        previous = bytes(32)
        for event in found:
            detail = dict(pair.split("=") for pair in event.detail.split())
            entry = AuditEntry(
                event.region,
                to_instant(event.record_time),
                event.caller,
                event.method,
                tuple(event.subject_ids),
                event.outcome,
                detail,
                event.request_id,
            )
            assert event.previous_hash == previous
            assert chained_hash(previous, entry, event.sequence) == event.hash
            previous = event.hash

    run(scenario)


def test_rows_are_read_in_pages_and_by_whom_they_are_about(
    run: Callable[[Scenario], None],
) -> None:
    async def scenario(identity: Identity) -> None:
        async def numbers(**fields: Any) -> list[int]:
            return [event.sequence for event in await events(identity, **fields)]

        assert await numbers(page_size=3) == [1, 2, 3]
        assert await numbers(page_size=3, after_sequence=3) == [4]
        assert await numbers(after_sequence=4) == []
        assert await numbers(page_size=9_999) == [1, 2, 3, 4]
        assert await numbers(subject_id=PERSON) == [1, 2]
        assert await numbers(subject_id=CARD, after_sequence=2) == [3]
        assert await numbers(subject_id=new_id()) == []

    run(scenario)


def test_only_supervisors_and_agencies_of_the_region_read_it(
    run: Callable[[Scenario], None],
) -> None:
    """I-05."""

    async def scenario(identity: Identity) -> None:
        assert len(await events(identity, "agency")) == 4
        refused = [
            ("supervisor", {"region": OTHER_REGION}, "OUT_OF_SCOPE"),
            ("agency", {"region": OTHER_REGION}, "OUT_OF_SCOPE"),
            ("hospital", {}, "CALLER_NOT_ALLOWED"),
            ("channel", {}, "CALLER_NOT_ALLOWED"),
        ]
        for name, fields, reason in refused:
            assert reason_in(await refusal(events(identity, name, **fields))) == reason

    run(scenario)
