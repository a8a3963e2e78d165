"""E-certificates in the database: activated once, closed for good, told to settlement."""

import pytest
import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import EcertDesk, Phone
from support.person_stores import MAKER, REGION

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.rules.certificate import CertificateState, ProofingMethod
from yibao_identity.rules.credential import Credential, CredentialKind, CredentialState
from yibao_identity.rules.device import DeviceState
from yibao_identity.storage import tables


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    return EcertDesk(databases.open("yibao_identity"))


def credentials(desk: EcertDesk, person_id: str) -> tuple[Credential, ...]:
    """Returns what settlement is told of a person's credentials."""
    changes = desk.changes(REGION, after_sequence=0, limit=1_000)
    return next(
        each.standing.credentials for each in changes if each.standing.person_id == person_id
    )


@pytest.mark.parametrize("method", ProofingMethod)
def test_activation_keeps_the_proof_of_identity(desk: EcertDesk, method: ProofingMethod) -> None:
    """I-06: a real person is verified, and then there is a QR."""
    person_id = desk.person_id()
    before = len(desk.feed())
    certificate = desk.activate(person_id, method=method)
    assert certificate.state is CertificateState.ACTIVE
    with desk.database.read() as connection:
        row = connection.execute(sa.select(tables.certificate)).one()
    assert (row.proofing_method, row.proofing_reference) == (method.value, "face/0001")
    assert desk.feed(after=before) == [person_id]
    told = Credential(
        certificate.subject,
        CredentialKind.ECERT,
        CredentialState.USABLE,
        certificate_id=certificate.certificate_id,
    )
    assert credentials(desk, person_id) == (told,)
    last = desk.audit()[-1]
    assert (last.method, last.outcome) == ("ActivateCertificate", "OK")
    assert last.subject_ids == (person_id, certificate.certificate_id)
    assert last.detail == f"proof={method.name}"


def test_a_person_has_one_certificate_that_stands(desk: EcertDesk) -> None:
    first = desk.activate()
    with pytest.raises(RuleError) as refused:
        desk.activate(first.person_id)
    assert refused.value.reason is Reason.CERTIFICATE_EXISTS
    assert refused.value.metadata == {"certificate_id": first.certificate_id}
    desk.close(first.certificate_id)
    second = desk.activate(first.person_id)
    assert second.subject != first.subject
    states = {each.subject: each.state for each in credentials(desk, first.person_id)}
    assert states == {
        first.subject: CredentialState.CLOSED,
        second.subject: CredentialState.USABLE,
    }


def test_a_merged_record_activates_nothing_and_its_certificate_is_closed(
    desk: EcertDesk,
) -> None:
    certificate = desk.activate()
    phone = desk.enrol(Phone(certificate.certificate_id))
    surviving = desk.person_id()
    desk.merge(certificate.person_id, surviving)
    found = desk.certificates.find(REGION, certificate.certificate_id)
    assert found.state is CertificateState.CLOSED
    assert found.close_time is not None
    assert desk.stored_device(phone).state is DeviceState.REVOKED
    assert desk.revoked_ids() == {phone.newest_id}
    with pytest.raises(RuleError) as refused:
        desk.activate(certificate.person_id)
    assert refused.value.reason is Reason.PERSON_MERGED
    desk.activate(surviving)


def test_closing_revokes_the_devices_and_is_told_to_settlement(desk: EcertDesk) -> None:
    certificate = desk.activate()
    phones = [desk.enrol(Phone(certificate.certificate_id)) for _ in range(2)]
    before = len(desk.feed())
    closed = desk.close(certificate.certificate_id, caller=MAKER)
    assert closed.state is CertificateState.CLOSED
    assert closed.close_time is not None
    assert desk.feed(after=before) == [certificate.person_id]
    assert {desk.stored_device(phone).state for phone in phones} == {DeviceState.REVOKED}
    assert desk.revoked_ids() == {phone.newest_id for phone in phones}
    with pytest.raises(RuleError) as refused:
        desk.devices.challenge(REGION, certificate.certificate_id)
    assert refused.value.reason is Reason.ECERT_NOT_ACTIVATED


def test_one_closed_before_stays_as_it_is(desk: EcertDesk) -> None:
    certificate = desk.activate()
    request = desk.asked("CloseCertificate")
    first = desk.close(certificate.certificate_id, request=request)
    before = (len(desk.feed()), len(desk.audit()))
    assert desk.close(certificate.certificate_id, request=request) == first
    assert desk.close(certificate.certificate_id) == first
    assert (len(desk.feed()), len(desk.audit())) == before


def test_what_does_not_exist_is_not_closed(desk: EcertDesk) -> None:
    with pytest.raises(RuleError) as refused:
        desk.close(new_id())
    assert refused.value.reason is Reason.CERTIFICATE_NOT_FOUND
    with pytest.raises(RuleError) as unread:
        desk.certificates.find(REGION, new_id())
    assert unread.value.reason is Reason.CERTIFICATE_NOT_FOUND


def test_a_holder_closes_only_its_own_and_the_attempt_is_on_record(desk: EcertDesk) -> None:
    own, others = desk.activate(), desk.activate()
    caller = f"holder/{own.certificate_id}"
    with pytest.raises(RuleError) as refused:
        desk.close(others.certificate_id, caller=caller)
    assert refused.value.reason is Reason.OUT_OF_SCOPE
    last = desk.audit()[-1]
    assert (last.method, last.caller, last.outcome) == (
        "CloseCertificate",
        caller,
        "OUT_OF_SCOPE",
    )
    assert desk.close(own.certificate_id, caller=caller).state is CertificateState.CLOSED


def test_a_suspension_is_not_shaken_off_by_a_new_certificate(desk: EcertDesk) -> None:
    """I-04: closing a suspended certificate does not make room for another."""
    certificate = desk.activate()
    case = desk.suspend(desk.report(certificate.subject))
    desk.close(certificate.certificate_id)
    with pytest.raises(RuleError) as refused:
        desk.activate(certificate.person_id)
    assert refused.value.reason is Reason.ECERT_SUSPENDED
    assert refused.value.metadata == {"case_id": case.case_id}
    desk.lift(case)
    assert desk.activate(certificate.person_id).state is CertificateState.ACTIVE
