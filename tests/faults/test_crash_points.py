"""A process ends between two steps of a command; its repeat has one effect.

Settlement's steps are load, decide, store, commit, answer; identity's are store, commit,
sign, answer. What a crash undoes in the database, an exception undoes here.
"""

import asyncio
import datetime as dt
from collections.abc import Callable
from pathlib import Path

import grpc
import pytest
import sqlalchemy as sa
from support import differences
from support.corrections import correct_command
from support.crashing import POINTS, CrashingTransactions
from support.databases import Databases
from support.holds import HALF_AN_HOUR, confirm_command, hold, hold_command, release_command
from support.identity_world import (
    REGION as IDENTITY_REGION,
)
from support.identity_world import (
    citizen_number,
    make_identity_files,
    refusal,
    serving_identity,
)
from support.serving import reason_in
from support.settlement_world import REGION, World
from support.tasks import Watched

from yibao import qr
from yibao.identity.v1.certificate_service_pb2 import IssueQrCodeRequest
from yibao.identity.v1.trust_service_pb2 import GetTrustSnapshotRequest
from yibao.trust import TrustSnapshot
from yibao_common.db.batcher import Batcher
from yibao_common.values.errors import TransientError
from yibao_common.values.ids import new_id
from yibao_identity.rules.code import QrClaims
from yibao_identity.storage import tables as identity_tables
from yibao_identity.storage.trust.signing import TokenSigner
from yibao_settlement.application.batch.command import Command
from yibao_settlement.application.batch.work import BatchWork
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.rules.difference_order import OrderKind
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.transaction import SettlementTransactions
from yibao_settlement.storage.reference import ReferenceCache


class PowerFailureError(Exception):
    """The process is gone."""


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def crashing_work(world: World, point: str, error: Exception) -> BatchWork:
    inner = SettlementTransactions(world.database, ReferenceCache())
    return BatchWork(
        CrashingTransactions(inner, point, error),
        clock=world.clock,
        ids=new_id,
    )


def stored_answers(world: World) -> dict[str, bytes]:
    with world.database.read() as connection:
        rows = connection.execute(sa.select(tables.answer.c.request_id, tables.answer.c.response))
        return {row.request_id: bytes(row.response) for row in rows}


def contents(world: World) -> dict[str, list[str]]:
    with world.database.read() as connection:
        return {
            table.name: sorted(str(tuple(row)) for row in connection.execute(sa.select(table)))
            for table in tables.metadata.sorted_tables
        }


def _visit(world: World, person: str, visit: str) -> Command:
    # Outpatient care: a person has one open stay at a time.
    return world.visit_command(person, care_type="11")


def _cancel(world: World, person: str, visit: str) -> Command:
    return world.cancel_command(visit)


def _settle(world: World, person: str, visit: str) -> Command:
    bill = world.bill(visit, account_used=True)
    return world.settle_command(visit, person, bill=bill)


def _reverse(world: World, person: str, visit: str) -> Command:
    return world.reverse_command(world.settle(visit, person).settlement_id)


def _refund(world: World, person: str, visit: str) -> Command:
    early = world.settle(visit, person).settlement_id
    # A later bill costs somebody else by it.
    later = world.register(person)
    lines = (ChargedLine(1, "A1", "70000", "1", 7_000_000),)
    world.settle(later, person, bill=world.bill(later, lines=lines, total_fen=7_000_000))
    return world.refund_command(early, AskedReturn(1), AskedReturn(2))


def _correct(world: World, person: str, visit: str) -> Command:
    early = world.settle(visit, person).settlement_id
    later = world.register(person)
    lines = (ChargedLine(1, "A1", "70000", "1", 7_000_000),)
    world.settle(later, person, bill=world.bill(later, lines=lines, total_fen=7_000_000))
    return correct_command(world, early, (ChargedLine(1, "C1", "90.00", "1", 9_000),))


def _credit(world: World, person: str, visit: str) -> Command:
    return world.credit_command(person, 500)


def _hold(world: World, person: str, visit: str) -> Command:
    return hold_command(world, visit, person, bill=world.bill(visit, account_used=True))


def _confirm(world: World, person: str, visit: str) -> Command:
    bill = world.bill(visit, account_used=True)
    return confirm_command(world, hold(world, visit, person, bill=bill).hold_id)


def _release(world: World, person: str, visit: str) -> Command:
    held = hold(world, visit, person)
    world.settle(world.register(person), person)
    return release_command(world, held.hold_id)


def _behind_one_that_ran_out(world: World, person: str, visit: str) -> Command:
    hold(world, visit, person)
    world.clock.now += HALF_AN_HOUR
    return world.visit_command(person, care_type="11")


def _leave(world: World, person: str, visit: str) -> None:
    """Settles two dear stays and reverses the first one: the person owes for the second one."""
    first = ""
    for quantity in (3_000, 3_001):
        fen = quantity * 10_000
        lines = (ChargedLine(1, "A1", "100.00", str(quantity), fen),)
        settled = world.settle(visit, person, bill=world.bill(visit, lines=lines, total_fen=fen))
        first = first or settled.settlement_id
        visit = world.register(person)
    world.reverse(first)


def _propose(world: World, person: str, visit: str) -> Command:
    _leave(world, person, visit)
    return differences.propose_command(world, person, OrderKind.COLLECT, 1)


def _confirm_order(world: World, person: str, visit: str) -> Command:
    _leave(world, person, visit)
    return differences.confirm_command(
        world, differences.propose(world, person, OrderKind.COLLECT, 1)
    )


COMMANDS = [
    *(_visit, _cancel, _settle, _reverse, _refund, _correct, _credit),
    *(_hold, _confirm, _release),
]


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("make", [*COMMANDS, _behind_one_that_ran_out, _propose, _confirm_order])
def test_a_command_cut_off_anywhere_has_one_effect_once_it_is_repeated(
    world: World, make: Callable[[World, str, str], Command], point: str
) -> None:
    (person,) = world.enrol()
    world.run(world.credit_command(person, 10_000))
    command = make(world, person, world.register(person))
    before = contents(world)
    with pytest.raises(PowerFailureError):
        crashing_work(world, point, PowerFailureError())(REGION, [command])
    was_durable = command.request.request_id in stored_answers(world)
    assert was_durable is (point == "committed")
    assert (contents(world) == before) is not was_durable
    # Another process, with nothing in memory.
    first = world.new_worker()(REGION, [command])
    stored = stored_answers(world)[command.request.request_id]
    after = contents(world)
    again = world.new_worker()(REGION, [command])
    assert first == again == [stored]
    assert contents(world) == after
    assert check_ledger(world.database).drifts == []


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("error", [TransientError("lost"), PowerFailureError()])
def test_a_batch_that_broke_is_run_again_or_split_and_books_each_bill_once(
    world: World, point: str, error: Exception
) -> None:
    """After a commit whose outcome was lost, running it again finds the answers."""
    persons = world.enrol(3)
    visits = {person: world.register(person) for person in persons}
    commands = [
        world.settle_command(visits[person], person) for person in persons for _ in range(2)
    ]

    async def settle_all() -> list[bytes]:
        batcher: Batcher[Command, bytes] = Batcher(crashing_work(world, point, error))
        batcher.start(Watched().supervisor)
        try:
            waiting = [batcher.enqueue(REGION, command) for command in commands]
            return list(await asyncio.gather(*waiting))
        finally:
            await batcher.close()

    answers = asyncio.run(settle_all())
    stored = stored_answers(world)
    assert answers == [stored[command.request.request_id] for command in commands]
    report = check_ledger(world.database)
    assert (report.drifts, report.settlements) == ([], len(commands))


def test_a_code_stored_but_never_signed_is_known_and_the_next_one_works(
    databases: Databases, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = make_identity_files(tmp_path / "identity")
    database = databases.open("yibao_identity")
    url = database.engine.url.render_as_string(hide_password=False)
    sign = TokenSigner.sign_code
    unsigned: list[QrClaims] = []

    def fail_once(self: TokenSigner, claims: QrClaims) -> str:
        if not unsigned:
            unsigned.append(claims)
            raise PowerFailureError
        return sign(self, claims)

    monkeypatch.setattr(TokenSigner, "sign_code", fail_once)

    async def main() -> qr.Claims:
        async with serving_identity(files, url) as identity:
            person = await identity.register(citizen_number(1))
            certificate = await identity.activate(person.person_id)
            request = IssueQrCodeRequest(
                region=IDENTITY_REGION,
                certificate_id=certificate.certificate_id,
                audience="01301",
            )
            error = await refusal(identity.certificates().IssueQrCode(request))
            assert (error.code(), reason_in(error)) == (grpc.StatusCode.INTERNAL, "INTERNAL")
            answer = await identity.certificates().IssueQrCode(request)
            fetched = await identity.trust().GetTrustSnapshot(GetTrustSnapshotRequest())
        now = dt.datetime.now(dt.UTC)
        snapshot = TrustSnapshot.verify(fetched.snapshot, trust_key=files.trust_key, now=now)
        return qr.verify(answer.qr_text, trust=snapshot, audience="01301", now=now)

    claims = asyncio.run(main())
    with database.read() as connection:
        rows = connection.execute(sa.select(identity_tables.issued_code.c.code_id)).scalars().all()
    # The one that was never signed is signed when it is asked for within its second; after
    # that it stays in the log, and the code shown is another.
    codes = {unsigned[0].issue_second: unsigned[0].code_id, claims.issue_second: claims.code_id}
    assert sorted(rows) == sorted(code_id.hex() for code_id in codes.values())
