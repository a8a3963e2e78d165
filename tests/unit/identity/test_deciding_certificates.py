"""What is refused first when an e-certificate is activated or closed, and what is left then."""

import pytest
from support.memory.ecert import CHANNEL, NOW, EcertWorld, outcome

from yibao_identity.application.certificate import (
    ActivateCertificate,
    CloseCertificate,
    close_certificates_of,
)
from yibao_identity.rules.certificate import CertificateState, Proofing, ProofingMethod
from yibao_identity.rules.device import DeviceState

CLOSED = CertificateState.CLOSED
HOLDER = "holder/00000000-0000-0000-0000-00000000000{}"


def activate(world: EcertWorld, person_id: str = "p1") -> str:
    command = ActivateCertificate(
        world.request("ActivateCertificate"), person_id, Proofing(ProofingMethod.FACE, "face/1")
    )
    return outcome(world.certificates.activate, command)


def close(world: EcertWorld, certificate_id: str, *, caller: str = CHANNEL) -> str:
    command = CloseCertificate(world.request("CloseCertificate", caller=caller), certificate_id)
    return outcome(world.certificates.close, command)


def test_activation_refuses_in_the_order_that_the_contract_promises() -> None:
    world = EcertWorld()
    assert activate(world) == "PERSON_NOT_FOUND"
    # Everything that can be refused is true of this one, and is mended step by step.
    world.add_person("p2")
    world.add_certificate("a", state=CLOSED, case_id="m")
    world.add_certificate("b")
    world.merge("p1", "p2")
    assert activate(world) == "PERSON_MERGED"
    world.merge("p1", None)
    assert activate(world) == "CERTIFICATE_EXISTS"
    del world.certificate_rows.rows["b"]
    assert activate(world) == "ECERT_SUSPENDED"
    assert world.audit == []
    assert world.fed == set()
    world.add_certificate("a", state=CLOSED)
    assert activate(world) == "OK"


def test_an_activation_is_stored_under_the_persons_lock_told_and_put_on_record() -> None:
    world = EcertWorld()
    world.add_person("p1")
    assert activate(world) == "OK"
    (certificate,) = world.certificate_rows.rows.values()
    assert (certificate.state, certificate.activate_time) == (CertificateState.ACTIVE, NOW)
    assert world.holders.locked == ["p1"]
    assert world.fed == {"p1"}
    (entry,) = world.audit
    assert entry.subject_ids == ("p1", certificate.certificate_id)
    assert entry.detail == {"proof": "FACE"}


def test_a_case_of_a_record_that_was_merged_into_the_persons_counts() -> None:
    world = EcertWorld()
    world.add_person("p2")
    world.add_certificate("a", "p1", state=CLOSED, case_id="m")
    world.merge("p1", "p2")
    assert activate(world, "p2") == "ECERT_SUSPENDED"


def test_closing_asks_whose_it_is_before_whether_it_is_there() -> None:
    world = EcertWorld()
    world.add_certificate("a")
    assert close(world, "unknown", caller=HOLDER.format(1)) == "OUT_OF_SCOPE"
    assert close(world, "unknown") == "CERTIFICATE_NOT_FOUND"
    (entry,) = world.audit
    assert (entry.outcome, entry.subject_ids) == ("OUT_OF_SCOPE", ())


def test_closing_revokes_the_devices_and_is_done_once() -> None:
    world = EcertWorld()
    world.add_certificate("a")
    for device_id in ("d2", "d1"):
        world.add_device(device_id, "a", public_key=device_id.encode())
    assert close(world, "a") == "OK"
    assert world.certificate_rows.rows["a"].state is CLOSED
    assert {each.state for each in world.device_rows.rows.values()} == {DeviceState.REVOKED}
    # Holder, certificate, devices: the order of locks, each kind by rising ids.
    assert world.holders.locked == ["p1"]
    assert world.certificate_rows.locked == ["a"]
    assert world.device_rows.locked == ["d1", "d2"]
    assert len(world.audit) == 1
    assert close(world, "a") == "OK"
    assert len(world.audit) == 1


def test_a_suspension_stays_beside_what_is_closed() -> None:
    """I-04: it is not shaken off by closing."""
    world = EcertWorld()
    world.add_certificate("a", case_id="m")
    assert close(world, "a") == "OK"
    closed = world.certificate_rows.rows["a"]
    assert (closed.state, closed.suspension_case_id) == (CLOSED, "m")


@pytest.mark.parametrize("state", [CertificateState.ACTIVE, CLOSED])
def test_a_merge_closes_what_stands_and_leaves_feed_and_audit_alone(
    state: CertificateState,
) -> None:
    world = EcertWorld()
    world.add_certificate("a", state=state)
    work = world.transactions.work
    closed = close_certificates_of(work, "p1", at=NOW, caller="agency/500100/wang")
    assert closed == (["a"] if state is CertificateState.ACTIVE else [])
    assert world.certificate_rows.rows["a"].state is CLOSED
    assert world.audit == []
    assert world.fed == set()
