"""Identity restored from a backup: settlement reads its feed anew, by itself."""

import contextlib
import datetime as dt
from pathlib import Path

import grpc
import pytest
from support.both_services import CALL_SECONDS, outcome, refusal_of
from support.databases import Databases
from support.identity_restored import RestoredIdentity
from support.identity_world import registration
from support.services import to_toml
from support.settlement_world import REGION
from support.threads import wait_until
from typer.testing import CliRunner

from yibao.settlement.v1.settlement_service_pb2 import GetSettlementRequest
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao_cli.doctor.finding import Finding
from yibao_cli.doctor.news import examine_news
from yibao_cli.main import app
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import Leaf
from yibao_common.values.clock import system_clock
from yibao_identity.storage.feed import renew_epochs
from yibao_settlement.rules.credential import CredentialState


@pytest.fixture
def world(databases: Databases, tmp_path: Path) -> RestoredIdentity:
    return RestoredIdentity(tmp_path / "files", databases)


def test_who_came_after_the_backup_is_gone_and_who_comes_after_the_restore_is_known(
    world: RestoredIdentity,
) -> None:
    with world.settlement():
        with world.identity() as services:
            world.wait_for_trust()
            kept = services.patient()
        backup = world.backup()
        with world.identity() as services:
            lost = services.patient()
            unused = services.settle_request(lost)
            services.person()
        assert len(world.enrolled()) == 3
        world.url = backup
        with world.identity() as services:
            # As many changes as the backup lacks, and more: numbers alone tell nothing.
            new = [services.person() for _ in range(4)]
            done = world.wait_for("the feed was read anew")
            assert (done["persons_gone"], done["merges_undone"]) == (2, 0)
            services.wait_until_told()
            assert world.enrolled() == {kept.person_id, *(each[0] for each in new)}
            states = world.credentials()
            assert states[kept.subject] == CredentialState.USABLE
            assert {states[each[2]] for each in new} == {CredentialState.USABLE}
            assert states[lost.subject] == CredentialState.CLOSED
            stub = services.settlements()
            assert outcome(refusal_of(stub.SettleBill, unused))[1] == "ECERT_NOT_ACTIVATED"
            paid = stub.SettleBill(services.settle_request(kept), timeout=CALL_SECONDS)
            assert paid.settlement.settlement_id
    assert len(world.events("the feed is read anew")) == 1


def test_two_backups_of_different_moments_neither_stall_nor_lose_anybody(
    world: RestoredIdentity,
) -> None:
    """Identity's dump is the older one, so settlement has read beyond its end."""
    with world.settlement():
        with world.identity() as services:
            services.person()
        older = world.backup()
        with world.identity() as services:
            gone, _, _ = services.person()
    world.url = older
    with world.settlement(), world.identity() as services:
        new, _, _ = services.person()
        assert world.wait_for("the feed was read anew")["persons_gone"] == 1
        services.wait_until_told()
        assert new in world.enrolled()
        assert gone not in world.enrolled()


def test_the_command_makes_settlement_read_everything_anew(
    world: RestoredIdentity, tmp_path: Path
) -> None:
    config = tmp_path / "identity.toml"
    tables = {**world.files.values, "database": {"url": world.url}}
    config.write_text(to_toml(tables))
    with world.identity() as services, world.settlement():
        person_id, _, _ = services.person()
        result = CliRunner().invoke(app, ["db", "restored", "--config", str(config)])
        assert result.exit_code == 0, result.output
        assert REGION in result.output
        assert world.wait_for("the feed was read anew")["persons_gone"] == 0
        assert world.enrolled() == {person_id}


def test_doctor_compares_what_settlement_knows_with_what_identity_has(
    world: RestoredIdentity,
) -> None:
    def findings(*, later_minutes: int = 0) -> dict[str, Finding]:
        now = system_clock() + dt.timedelta(minutes=later_minutes)
        return {each.subject: each for each in examine_news(world.config, clock=lambda: now)}

    feed = f"feed of region {REGION}"
    assert findings()[feed].problem.endswith("does not answer: UNAVAILABLE")
    with world.identity() as services:
        # Settlement has never run.
        services.persons().RegisterPerson(registration(services.new_number(), region=REGION))
        assert findings()[feed].problem
        with world.settlement():
            services.wait_until_told()
            found = findings()
            assert (found[feed].problem, found["trust snapshot"].problem) == ("", "")
            assert found[feed].remark == "all 1 changes are known"
        services.persons().RegisterPerson(registration(services.new_number(), region=REGION))
        behind = findings()[feed]
        assert (behind.problem, behind.remark) == ("", "1 of 2 changes are known")
        told = findings(later_minutes=6)[feed].problem
        assert told.startswith("1 changes are missing; everything was known last: ")
        ahead = f"{told}, which is to come: set settlement's clock, or this one"
        assert findings(later_minutes=-6)[feed].problem == ahead
    with contextlib.closing(Database(world.url)) as database, database.write() as connection:
        renew_epochs(connection)
    with world.identity():
        assert "another feed" in findings()[feed].problem


def test_with_old_news_no_code_is_taken(world: RestoredIdentity) -> None:
    with world.settlement():
        with world.identity() as services:
            world.wait_for_trust()
            patient = services.patient()
        world.clock.advance(hours=25)
        with world.identity() as services:
            # Whoever was away for long has the news before the next code is judged.
            wait_until(lambda: world.read_time() > system_clock() + dt.timedelta(hours=24))
            request = services.settle_request(patient)
        stub = services.settlements()
        world.clock.advance(hours=25)
        refusal = refusal_of(stub.SettleBill, request)
        assert outcome(refusal) == (grpc.StatusCode.UNAVAILABLE, "FEED_STALE")
        assert refusal.metadata["region"] == REGION
        assert "信息部门" in refusal.message_zh


def test_with_old_news_nobody_reads_by_an_e_certificate(world: RestoredIdentity) -> None:
    with world.settlement():
        with world.identity() as services:
            world.wait_for_trust()
            patient = services.patient()
            world.files.issue(Leaf("phone", f"holder/{patient.certificate_id}"))
            paid = services.settlements("hospital").SettleBill(
                services.settle_request(patient), timeout=CALL_SECONDS
            )
        of_bill = {"region": REGION, "settlement_id": paid.settlement.settlement_id}
        own = GetSettlementRequest(certificate_id=patient.certificate_id, **of_bill)
        for name in ("phone", "channel"):
            stub = SettlementServiceStub(services.channel("settlement", name))
            assert stub.GetSettlement(own, timeout=CALL_SECONDS).settlement == paid.settlement
        world.clock.advance(hours=25)
        for name in ("phone", "channel"):
            stub = SettlementServiceStub(services.channel("settlement", name))
            refusal = refusal_of(stub.GetSettlement, own)
            assert outcome(refusal) == (grpc.StatusCode.UNAVAILABLE, "FEED_STALE")
        # Who sees all of the region, or all of an institution, goes on.
        stub = services.settlements("maker")
        told = stub.GetSettlement(GetSettlementRequest(**of_bill), timeout=CALL_SECONDS)
        assert told.settlement == paid.settlement


def test_settlement_serves_once_it_has_trust_and_news(world: RestoredIdentity) -> None:
    with world.identity() as services:
        request = registration(services.new_number(), region=REGION)
        person_id = services.persons().RegisterPerson(request).person.person_id
        # Nothing is waited for between its start and this.
        with world.settlement():
            assert world.holds_trust()
            assert world.enrolled() == {person_id}


def test_without_identity_settlement_serves_all_the_same(world: RestoredIdentity) -> None:
    with world.settlement():
        assert not world.holds_trust()
        assert world.wait_for("identity gives no news")["error"]
