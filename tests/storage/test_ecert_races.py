"""What meets at the same moment: renewals, ends of links, suspensions, enrolments."""

import dataclasses
import datetime as dt
import os
import pickle
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import EcertDesk, Phone
from support.person_stores import REGION

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.code.queue import IssueCode, IssueWork
from yibao_identity.application.holder import lock_persons
from yibao_identity.application.relative_code import (
    IssueRelativeCode,
    RelativeCode,
    RelativeIssueWork,
)
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.device import DeviceState
from yibao_identity.rules.relative import LinkPurpose, LinkState
from yibao_identity.storage import tables
from yibao_identity.storage.holder import StoredHolders

FAR = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    return EcertDesk(databases.open("yibao_identity"))


def at_once(*acts: Callable[[], Any]) -> list[Any]:
    """Starts all at the same moment; returns what each returned, or its refusal."""
    barrier = threading.Barrier(len(acts))

    def run(act: Callable[[], Any]) -> Any:
        barrier.wait()
        try:
            return act()
        except RuleError as refusal:
            return refusal

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def reasons(outcomes: Sequence[Any]) -> list[Reason]:
    return sorted(
        (each.reason for each in outcomes if isinstance(each, RuleError)),
        key=lambda reason: reason.name,
    )


def test_of_two_renewals_at_once_one_renews_and_the_other_raises_the_alarm(
    desk: EcertDesk,
) -> None:
    phone = desk.new_phone()
    commands = [desk.renewal(phone) for _ in range(2)]
    outcomes = at_once(
        *(partial(desk.devices.renew, command, pickle.dumps) for command in commands)
    )
    assert reasons(outcomes) == [Reason.DEVICE_CLONE_SUSPECTED]
    assert desk.stored_device(phone).state is DeviceState.CLONE_SUSPECTED
    # What the faster one got is worth nothing any more.
    assert desk.count(tables.device_certificate) == 2
    assert len(desk.revoked_ids()) == 2
    assert desk.count(tables.device_alarm) == 1
    assert len(desk.alarms.devices) == 1


def test_one_renewal_sent_twice_at_once_is_one_renewal(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    command = desk.renewal(phone)
    outcomes = at_once(*[lambda: desk.devices.renew(command, pickle.dumps)] * 4)
    assert len(set(outcomes)) == 1
    assert reasons(outcomes) == []
    assert desk.count(tables.device_certificate) == 2
    assert desk.alarms.devices == []


def test_devices_enrolled_at_once_do_not_exceed_the_limit(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id
    commands = [desk.enrolment(Phone(certificate_id)) for _ in range(6)]
    outcomes = at_once(
        *(partial(desk.devices.enrol, command, pickle.dumps) for command in commands)
    )
    assert reasons(outcomes) == [Reason.DEVICE_LIMIT] * 3
    assert desk.count(tables.device) == 3


def test_one_key_is_not_enrolled_for_two_holders_at_once(desk: EcertDesk) -> None:
    first = Phone(desk.activate().certificate_id)
    second = Phone(desk.activate().certificate_id, first.private_key)
    commands = [desk.enrolment(phone) for phone in (first, second)]
    outcomes = at_once(
        *(partial(desk.devices.enrol, command, pickle.dumps) for command in commands)
    )
    assert reasons(outcomes) == [Reason.DEVICE_EXISTS]
    assert desk.count(tables.device) == 1
    assert desk.count(tables.device_certificate) == 1


def test_entries_of_a_list_are_given_out_once(desk: EcertDesk) -> None:
    # A short list, so that many draw the same entry.
    desk.certifier._status_entries = 64
    commands = [desk.enrolment(Phone(desk.activate().certificate_id)) for _ in range(24)]

    def enrol_some(number: int) -> None:
        for command in commands[number::6]:
            desk.devices.enrol(command, pickle.dumps)

    outcomes = at_once(*(partial(enrol_some, number) for number in range(6)))
    assert reasons(outcomes) == []
    with desk.database.read() as connection:
        places = sa.select(tables.device.c.list_number, tables.device.c.status_index)
        rows = connection.execute(places).all()
    assert len(rows) == len(set(rows)) == 24


@pytest.mark.parametrize("what", ["enrol", "renew", "revoke", "close", "suspend", "batch"])
def test_every_command_waits_for_whoever_holds_the_person(desk: EcertDesk, what: str) -> None:
    # A merge, for instance, which then closes the certificate.
    phone = desk.new_phone()
    certificate = desk.certificates.find(REGION, phone.certificate_id)
    other, case = Phone(phone.certificate_id), desk.report(certificate.subject)
    acts: dict[str, Callable[[], object]] = {
        "enrol": partial(desk.enrol, other),
        "renew": partial(desk.renew, phone),
        "revoke": partial(desk.revoke, phone),
        "close": partial(desk.close, phone.certificate_id),
        "suspend": partial(desk.suspend, case),
        "batch": partial(desk.issue_batch, phone.certificate_id),
    }
    thread = threading.Thread(target=acts[what])
    with desk.database.write() as connection:
        lock_persons(StoredHolders(connection, REGION, desk.vault), [certificate.person_id])
        thread.start()
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(20)
    assert not thread.is_alive()


def test_of_two_activations_at_once_one_succeeds(desk: EcertDesk) -> None:
    person_id = desk.person_id()
    outcomes = at_once(*[lambda: desk.activate(person_id)] * 4)
    assert reasons(outcomes) == [Reason.CERTIFICATE_EXISTS] * 3


def test_a_renewal_and_a_suspension_at_once_leave_no_certificate_in_force(
    desk: EcertDesk,
) -> None:
    """I-04: whichever is first, nothing that the phone holds is accepted afterwards."""
    for _ in range(5):
        phone = desk.new_phone()
        certificate = desk.certificates.find(REGION, phone.certificate_id)
        case = desk.report(certificate.subject)
        copy = dataclasses.replace(phone)
        renewed, _ = at_once(partial(desk.renew, copy), partial(desk.suspend, case))
        if isinstance(renewed, RuleError):
            assert renewed.reason is Reason.ECERT_SUSPENDED
        held = {phone.newest_id, copy.newest_id}
        assert held <= desk.revoked_ids()


def test_a_suspension_and_a_batch_of_codes_at_once_come_one_after_the_other(
    desk: EcertDesk,
) -> None:
    certificate = desk.activate()
    case = desk.report(certificate.subject)
    at_once(
        lambda: desk.issue_batch(certificate.certificate_id, 1),
        lambda: desk.suspend(case),
    )
    methods = [row.method for row in desk.audit()[-2:] if row.outcome == "OK"]
    assert methods[-1] == "SuspendCredential"
    assert desk.count(tables.issued_code) == methods.count("IssueQrCodeBatch")


def issue_work(desk: EcertDesk) -> IssueWork:
    return IssueWork(
        desk.transactions,
        key_expire_time=lambda: FAR,
        clock=desk.clock,
        random_bytes=os.urandom,
    )


def ask_until_told(
    work: Callable[[str, Any], Sequence[Any]], command: object, told: threading.Event
) -> tuple[list[Any], list[Any]]:
    """Asks again and again; returns what came before and after `told` was set."""
    early: list[Any] = []
    late: list[Any] = []
    deadline = time.monotonic() + 20
    while len(late) < 3:
        assert time.monotonic() < deadline, "the other one was never told"
        is_late = told.is_set()
        (outcome,) = work(REGION, [command])
        (late if is_late else early).append(outcome)
        # SQLite has one writer, who does not queue: leave the other a gap.
        time.sleep(0.005)
    return early, late


def test_no_code_is_issued_once_a_suspension_was_told(desk: EcertDesk) -> None:
    """I-04, I-06: the batch reads what is committed when it begins."""
    certificate = desk.activate()
    case = desk.report(certificate.subject)
    work, suspended = issue_work(desk), threading.Event()
    command = IssueCode(certificate.certificate_id, "01301", "channel/wallet")

    def suspend() -> None:
        desk.suspend(case)
        suspended.set()

    (early, late), _ = at_once(lambda: ask_until_told(work, command, suspended), suspend)
    assert {getattr(each, "reason", None) for each in late} == {Reason.ECERT_SUSPENDED}
    issued = [each for each in early if isinstance(each, QrClaims)]
    assert desk.count(tables.issued_code) == len(issued)


def relative_work(desk: EcertDesk) -> RelativeIssueWork:
    return RelativeIssueWork(
        desk.transactions,
        key_expire_time=lambda: FAR,
        clock=desk.clock,
        random_bytes=os.urandom,
    )


@dataclasses.dataclass(frozen=True)
class Family:
    """Somebody who may show the code of a relative."""

    command: IssueRelativeCode
    relative_id: str
    relative_certificate_id: str


def family(desk: EcertDesk) -> Family:
    shower, relative = desk.activate(), desk.activate()
    link = desk.link(shower.person_id, relative.person_id, LinkPurpose.SHOW_CODE)
    caller = f"holder/{shower.certificate_id}"
    command = IssueRelativeCode(shower.certificate_id, link.link_id, "01301", caller)
    return Family(command, relative.person_id, relative.certificate_id)


def test_a_relatives_code_is_stored_with_who_shows_it(desk: EcertDesk) -> None:
    """I-03: a link is no lending, and who showed what stays known."""
    kin = family(desk)
    (code,) = relative_work(desk)(REGION, [kin.command])
    assert isinstance(code, RelativeCode)
    assert code.relative_id == kin.relative_id
    with desk.database.read() as connection:
        row = connection.execute(sa.select(tables.issued_code)).one()
    assert (row.certificate_id, row.shown_by) == (
        kin.relative_certificate_id,
        kin.command.certificate_id,
    )
    assert (row.code_id, row.issued_to) == (code.claims.code_id.hex(), kin.command.caller)


def test_the_certificate_that_the_relative_activated_last_counts(desk: EcertDesk) -> None:
    kin = family(desk)
    work = relative_work(desk)
    desk.close(kin.relative_certificate_id)
    (refused,) = work(REGION, [kin.command])
    assert isinstance(refused, RuleError)
    assert refused.reason is Reason.ECERT_NOT_ACTIVATED
    second = desk.activate(kin.relative_id)
    (code,) = work(REGION, [kin.command])
    assert isinstance(code, RelativeCode)
    assert code.certificate_id == second.certificate_id


def test_no_relatives_code_is_issued_once_the_end_of_the_link_was_told(desk: EcertDesk) -> None:
    kin = family(desk)
    work, ended = relative_work(desk), threading.Event()

    def end() -> None:
        desk.end(kin.command.link_id, kin.relative_id)
        ended.set()

    (early, late), _ = at_once(lambda: ask_until_told(work, kin.command, ended), end)
    assert {getattr(each, "reason", None) for each in late} == {Reason.RELATIVE_LINK_STATE}
    issued = [each for each in early if isinstance(each, RelativeCode)]
    assert desk.count(tables.issued_code) == len(issued)


def test_a_relatives_code_waits_for_the_end_of_the_link_that_is_under_way(
    desk: EcertDesk,
) -> None:
    """The end is written and not yet committed: the code is decided after it."""
    kin = family(desk)
    work, begun = relative_work(desk), threading.Event()
    outcomes: list[RelativeCode | RuleError] = []

    def issue() -> None:
        begun.set()
        outcomes.extend(work(REGION, [kin.command]))

    thread = threading.Thread(target=issue)
    link = tables.relative_link
    with desk.database.write() as connection:
        connection.execute(
            sa.update(link)
            .where(link.c.region == REGION, link.c.link_id == kin.command.link_id)
            .values(state=LinkState.ENDED.value)
        )
        thread.start()
        assert begun.wait(10)
        thread.join(0.3)
        assert thread.is_alive()
    thread.join(20)
    assert reasons(outcomes) == [Reason.RELATIVE_LINK_STATE]
    assert desk.count(tables.issued_code) == 0
