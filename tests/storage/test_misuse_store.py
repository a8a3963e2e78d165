"""Cases of suspected misuse in the database: from a report to the end of a suspension."""

import dataclasses
import itertools
from concurrent.futures import ThreadPoolExecutor, wait

import pytest
import sqlalchemy as sa
from support.databases import Databases, as_owner
from support.ecert_desk import HOSPITAL, EcertDesk, Phone
from support.person_stores import CHECKER, MAKER, REGION

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialState
from yibao_identity.rules.device import DeviceState
from yibao_identity.rules.merge import MergeState
from yibao_identity.rules.misuse import CaseState, MisuseCase, MisuseKind
from yibao_identity.storage import tables


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    return EcertDesk(databases.open("yibao_identity"))


def refusal_of(act: object, *args: object, **kwargs: object) -> RuleError:
    with pytest.raises(RuleError) as refused:
        act(*args, **kwargs)  # type: ignore[operator]
    return refused.value


def told_states(desk: EcertDesk, person_id: str) -> list[CredentialState]:
    """Returns what settlement is told of a person's credentials."""
    changes = desk.changes(REGION, after_sequence=0, limit=1_000)
    standing = next(e.standing for e in changes if e.standing.person_id == person_id)
    return [credential.state for credential in standing.credentials]


def test_a_report_changes_nothing_for_the_holder(desk: EcertDesk) -> None:
    """I-03, I-05: anyone who sees a credential lent can say so."""
    certificate = desk.activate()
    before = len(desk.feed())
    case = desk.report(certificate.subject, kind=MisuseKind.OTHER)
    assert (case.state, case.person_id) == (CaseState.REPORTED, certificate.person_id)
    assert case.reporter == HOSPITAL
    assert desk.cases.find(REGION, case.case_id) == case
    assert len(desk.feed()) == before
    found = desk.certificates.find(REGION, certificate.certificate_id)
    assert found == certificate
    last = desk.audit()[-1]
    assert (last.method, last.detail) == ("ReportMisuse", "kind=OTHER")
    assert last.subject_ids == (
        certificate.person_id,
        certificate.certificate_id,
        case.case_id,
    )


def test_what_was_seen_is_stored_sealed(desk: EcertDesk) -> None:
    case = desk.report(desk.activate().subject, description="李四拿着张三的手机")
    with desk.database.read() as connection:
        row = connection.execute(sa.select(tables.misuse_case)).one()
        answers = connection.execute(sa.select(tables.answer.c.response)).scalars().all()
    for stored in (row.sealed_description, *answers):
        assert "李四".encode() not in bytes(stored)
    assert case.suspicion.description == "李四拿着张三的手机"
    assert desk.cases.find(REGION, case.case_id) == case


def test_a_subject_that_nobody_has_is_not_reported(desk: EcertDesk) -> None:
    refused = refusal_of(desk.report, "0123456789ABC")
    assert (refused.reason, refused.metadata) == (
        Reason.CREDENTIAL_NOT_FOUND,
        {"subject": "0123456789ABC"},
    )


def test_a_suspended_certificate_shows_nothing_until_it_is_lifted(desk: EcertDesk) -> None:
    """I-04: the suspension names its case, and settlement refuses from then on."""
    certificate = desk.activate()
    phone = desk.enrol(Phone(certificate.certificate_id))
    former = phone.newest_id
    reported = desk.report(certificate.subject)
    before = len(desk.feed())
    case = desk.suspend(reported)
    assert (case.state, case.suspended_by, case.decider) == (CaseState.SUSPENDED, MAKER, MAKER)
    found = desk.certificates.find(REGION, certificate.certificate_id)
    assert (found.state, found.suspension_case_id) == (CertificateState.SUSPENDED, case.case_id)
    assert desk.feed(after=before) == [certificate.person_id]
    assert told_states(desk, certificate.person_id) == [CredentialState.SUSPENDED]
    # The phone stays enrolled, and nothing that it has is accepted.
    assert desk.stored_device(phone).state is DeviceState.ACTIVE
    assert desk.revoked_ids() == {former}
    for act in (desk.enrol, desk.renew):
        assert refusal_of(act, phone).reason is Reason.ECERT_SUSPENDED
    refused = refusal_of(desk.issue_batch, certificate.certificate_id)
    assert (refused.reason, refused.metadata) == (
        Reason.ECERT_SUSPENDED,
        {"case_id": case.case_id},
    )

    closed = desk.lift(case)
    assert (closed.state, closed.decider) == (CaseState.CLOSED, CHECKER)
    assert desk.certificates.find(REGION, certificate.certificate_id) == certificate
    assert told_states(desk, certificate.person_id) == [CredentialState.USABLE]
    assert len(desk.feed(after=before)) == 2
    # Its newest id is still the right one: it renews and works again.
    desk.renew(phone)
    assert desk.revoked_ids() == {former}
    assert desk.alarms.devices == []
    assert [row.method for row in desk.audit()[-3:]] == [
        "SuspendCredential",
        "LiftSuspension",
        "RenewDeviceCertificate",
    ]


def test_a_suspension_forbids_the_renewal_that_was_proved_before(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    certificate = desk.certificates.find(REGION, phone.certificate_id)
    command = desk.renewal(phone)
    desk.suspend(desk.report(certificate.subject))
    assert refusal_of(desk.devices.renew, command, bytes).reason is Reason.ECERT_SUSPENDED


def test_a_card_is_suspended_as_well(desk: EcertDesk) -> None:
    person_id = desk.person_id()
    card_id = desk.give_card(person_id, "CARD000000001")
    case = desk.suspend(desk.report("CARD000000001"))
    assert told_states(desk, person_id) == [CredentialState.SUSPENDED]
    assert card_id in desk.audit()[-1].subject_ids
    desk.lift(case)
    assert told_states(desk, person_id) == [CredentialState.USABLE]


def test_a_suspension_reaches_what_took_the_place_of_a_closed_credential(desk: EcertDesk) -> None:
    """I-04: the holder closed it after the report, before the agency decided."""
    closed = desk.activate()
    case = desk.report(closed.subject)
    desk.close(closed.certificate_id)
    phone = desk.enrol(Phone(desk.activate(closed.person_id).certificate_id))
    desk.suspend(case)
    assert told_states(desk, closed.person_id) == [
        CredentialState.CLOSED,
        CredentialState.SUSPENDED,
    ]
    assert desk.revoked_ids() == {phone.newest_id}
    desk.lift(case)
    assert told_states(desk, closed.person_id)[-1] is CredentialState.USABLE


@pytest.mark.parametrize("state", [CardState.REPLACED, CardState.CLOSED, CardState.LOST])
def test_a_suspension_reaches_the_card_that_took_the_place_of_another(
    desk: EcertDesk, state: CardState
) -> None:
    """I-04: a lost card stands, and keeps its replacement from being activated itself."""
    person_id = desk.person_id()
    former_id = desk.give_card(person_id, "CARD000000001")
    with as_owner(desk.database) as connection:
        connection.execute(
            sa.update(tables.card)
            .where(tables.card.c.card_id == former_id)
            .values(state=state.value, card_serial="S0", chip_number="C0")
        )
    desk.give_card(person_id, "CARD000000002")
    case = desk.suspend(desk.report("CARD000000001"))
    is_reached = state is not CardState.LOST
    reached = CredentialState.SUSPENDED if is_reached else CredentialState.USABLE
    assert reached in told_states(desk, person_id)
    desk.lift(case)
    assert CredentialState.USABLE in told_states(desk, person_id)


@pytest.mark.parametrize("is_card", [False, True])
def test_a_suspension_is_not_shaken_off_by_a_merge(desk: EcertDesk, is_card: bool) -> None:
    """I-04: the record that stays could get new credentials, or has them."""
    retired, surviving = desk.person_id(), desk.person_id()
    certificate = desk.activate(retired)
    desk.give_card(retired, "CARD000000001")
    subject = "CARD000000001" if is_card else certificate.subject
    case = desk.suspend(desk.report(subject))
    if not is_card:
        desk.close(certificate.certificate_id)
    merge = desk.propose(retired, surviving)
    before = desk.everything()
    refused = refusal_of(desk.decide, merge.merge_id)
    assert refused.reason is (Reason.CARD_SUSPENDED if is_card else Reason.ECERT_SUSPENDED)
    assert refused.metadata == {"case_id": case.case_id}
    assert desk.everything() == before
    desk.lift(case)
    assert desk.decide(merge.merge_id).state is MergeState.APPROVED


@pytest.mark.parametrize("merges", [1, 2])
@pytest.mark.parametrize("is_card", [False, True])
def test_a_suspension_after_a_merge_reaches_the_record_that_stays(
    desk: EcertDesk, is_card: bool, merges: int
) -> None:
    """I-04: reported before the merge, decided after it; the other kind is left alone."""
    persons = [desk.person_id() for _ in range(merges + 1)]
    retired, surviving = persons[0], persons[-1]
    if is_card:
        desk.give_card(retired, "CARD000000000", number=0)
    subject = "CARD000000000" if is_card else desk.activate(retired).subject
    card_id = desk.give_card(surviving, "CARD000000001")
    certificate = desk.activate(surviving)
    case = desk.report(subject)
    for former, later in itertools.pairwise(persons):
        desk.merge(former, later)
    desk.suspend(case)
    assert sorted(told_states(desk, surviving), key=lambda state: state.name) == [
        CredentialState.SUSPENDED,
        CredentialState.USABLE,
    ]
    assert set(desk.feed()[-2:]) == {retired, surviving}
    assert {retired, surviving} <= set(desk.audit()[-1].subject_ids)
    table, own_id = (
        (tables.card.c, tables.card.c.card_id == card_id)
        if is_card
        else (
            tables.certificate.c,
            tables.certificate.c.certificate_id == certificate.certificate_id,
        )
    )
    with desk.database.read() as connection:
        query = sa.select(table.suspension_case_id).where(own_id)
        assert connection.execute(query).scalar_one() == case.case_id
    desk.lift(case)
    assert told_states(desk, surviving) == [CredentialState.USABLE] * 2


def test_a_suspension_follows_a_merge_that_is_carried_out_meanwhile(desk: EcertDesk) -> None:
    """I-04: it waits for the row of the record that stays, which then is merged itself."""
    retired, between, last = (desk.person_id() for _ in range(3))
    case = desk.report(desk.activate(retired).subject)
    desk.merge(retired, between)
    desk.activate(last)
    person = tables.person
    with ThreadPoolExecutor(1) as thread:
        with desk.database.write() as connection:
            connection.execute(
                sa.update(person).where(person.c.person_id == between).values(merged_into=last)
            )
            suspension = thread.submit(desk.suspend, case)
            assert not wait([suspension], timeout=0.5).done
        assert suspension.result().state is CaseState.SUSPENDED
    assert told_states(desk, last) == [CredentialState.SUSPENDED]


def test_what_one_case_suspends_another_does_not(desk: EcertDesk) -> None:
    certificate = desk.activate()
    first, second = (desk.report(certificate.subject) for _ in range(2))
    desk.suspend(first)
    refused = refusal_of(desk.suspend, second)
    assert (refused.reason, refused.metadata) == (
        Reason.MISUSE_CASE_STATE,
        {"case_id": first.case_id, "state": "SUSPENDED"},
    )
    # The second report is closed without touching what the first one suspends.
    before = len(desk.feed())
    assert desk.lift(second).state is CaseState.CLOSED
    assert len(desk.feed()) == before
    assert told_states(desk, certificate.person_id) == [CredentialState.SUSPENDED]
    desk.lift(first)
    assert told_states(desk, certificate.person_id) == [CredentialState.USABLE]


def test_the_operator_who_suspended_does_not_lift(desk: EcertDesk) -> None:
    case = desk.suspend(desk.report(desk.activate().subject), caller=MAKER)
    assert refusal_of(desk.lift, case, caller=MAKER).reason is Reason.SAME_MAKER_AND_CHECKER
    assert told_states(desk, case.person_id) == [CredentialState.SUSPENDED]
    desk.lift(case, caller=CHECKER)


def test_a_case_is_decided_once_and_a_repeat_gets_the_same_answer(desk: EcertDesk) -> None:
    reported = desk.report(desk.activate().subject)
    request = desk.asked("SuspendCredential")
    case = desk.suspend(reported, request=request)
    rows = len(desk.audit())
    assert desk.suspend(reported, request=request) == case
    assert len(desk.audit()) == rows
    refused = refusal_of(desk.suspend, reported)
    assert refused.metadata == {"case_id": case.case_id, "state": "SUSPENDED"}
    desk.lift(case)
    assert refusal_of(desk.lift, case).metadata == {"case_id": case.case_id, "state": "CLOSED"}


def test_a_case_that_does_not_exist_is_not_found(desk: EcertDesk) -> None:
    case = dataclasses.replace(desk.report(desk.activate().subject), case_id=new_id())
    for act in (desk.suspend, desk.lift):
        refused = refusal_of(act, case)
        assert (refused.reason, refused.metadata) == (
            Reason.MISUSE_CASE_NOT_FOUND,
            {"case_id": case.case_id},
        )
    refused = refusal_of(desk.cases.find, REGION, case.case_id)
    assert refused.reason is Reason.MISUSE_CASE_NOT_FOUND


def test_cases_are_read_in_pages_the_newest_first(desk: EcertDesk) -> None:
    cases = [desk.report(desk.activate().subject) for _ in range(5)]
    suspended = desk.suspend(cases[2])

    def page(
        *, state: CaseState | None = None, before: str = "", limit: int = 100
    ) -> list[MisuseCase]:
        found = desk.cases.list(REGION, state=state, before_case_id=before, limit=limit)
        return list(found)

    newest = [cases[4], cases[3], suspended, cases[1], cases[0]]
    assert page() == newest
    assert page(limit=2) == newest[:2]
    assert page(limit=2, before=cases[3].case_id) == newest[2:4]
    assert page(state=CaseState.SUSPENDED) == [suspended]
    assert page(state=CaseState.CLOSED) == []
    assert desk.cases.list("330100", state=None, before_case_id="", limit=10) == []
