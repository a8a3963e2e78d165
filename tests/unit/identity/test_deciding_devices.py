"""What is refused first when a phone is enrolled, renewed or revoked, and what is left then."""

import datetime as dt
from typing import Any

from support.memory.ecert import CHANNEL, REGION, EcertWorld, outcome

from yibao_identity.application.device.command import (
    EnrolDevice,
    RenewDeviceCertificate,
    RevokeDevice,
)
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.device import (
    Device,
    DevicePolicy,
    DeviceState,
    KeyAlgorithm,
    Place,
    Revocation,
)

OWN, STRANGER = (f"00000000-0000-0000-0000-00000000000{number}" for number in (1, 2))
NEWEST = "0f" * 8


def enrol(world: EcertWorld, *, caller: str = CHANNEL, **changes: Any) -> str:
    key = changes.get("public_key", b"key")
    values: dict[str, Any] = {
        "certificate_id": OWN,
        "device_name": "phone",
        "algorithm": KeyAlgorithm.ED25519,
        "public_key": key,
        "challenge": world.challenges.make(REGION, OWN).content,
        "signature": b"enrol " + key,
        "attestation": b"",
        **changes,
    }
    command = EnrolDevice(world.request("EnrolDevice", caller=caller), **values)
    return outcome(world.devices.enrol, command)


def renewal(
    world: EcertWorld, *, caller: str = CHANNEL, device_id: str = "d1", **changes: Any
) -> RenewDeviceCertificate:
    values: dict[str, Any] = {
        "device_certificate_id": NEWEST,
        "challenge": world.challenges.make(REGION, OWN).content,
        "signature": b"renew key",
        **changes,
    }
    request = world.request("RenewDeviceCertificate", caller=caller)
    return RenewDeviceCertificate(request, device_id, **values)


def renew(world: EcertWorld, **changes: Any) -> str:
    return outcome(world.devices.renew, renewal(world, **changes))


def revoke(world: EcertWorld, device_id: str = "d1", *, caller: str = CHANNEL) -> str:
    request = world.request("RevokeDevice", caller=caller)
    return outcome(world.devices.revoke, RevokeDevice(request, device_id, Revocation.LOST))


def enrolled(world: EcertWorld) -> Device:
    """Returns a device of the certificate `OWN`, which is there as well."""
    world.add_certificate(OWN)
    return world.add_device("d1", OWN, public_key=b"key", newest_id=NEWEST)


def test_enrolment_refuses_in_the_order_that_the_contract_promises() -> None:
    world = EcertWorld(policy=DevicePolicy(most=1, allows_p256=False))
    # All is wrong at first, and one thing after the other is mended.
    wrong: dict[str, Any] = {
        "caller": f"holder/{STRANGER}",
        "algorithm": KeyAlgorithm.P256,
        "public_key": b"weak",
        "challenge": bytes(56),
        "signature": b"",
    }
    assert enrol(world, **wrong) == "OUT_OF_SCOPE"
    del wrong["caller"]
    assert enrol(world, **wrong) == "DEVICE_KEY_REFUSED"
    del wrong["algorithm"]
    assert enrol(world, **wrong) == "DEVICE_KEY_REFUSED"
    del wrong["public_key"]
    assert enrol(world, **wrong) == "DEVICE_CHALLENGE_INVALID"
    del wrong["challenge"]
    assert enrol(world, **wrong) == "DEVICE_PROOF_INVALID"
    # Nothing was locked before the proof.
    assert world.holders.locked == []
    assert enrol(world) == "CERTIFICATE_NOT_FOUND"
    world.add_certificate(OWN, case_id="m")
    world.add_device("d1", OWN, public_key=b"key")
    assert enrol(world) == "ECERT_SUSPENDED"
    world.add_certificate(OWN, state=CertificateState.CLOSED)
    assert enrol(world) == "ECERT_NOT_ACTIVATED"
    world.add_certificate(OWN)
    assert enrol(world) == "DEVICE_EXISTS"
    assert enrol(world, public_key=b"another") == "DEVICE_LIMIT"
    # What tells of somebody guessing is on record, and the stranger's certificate is not named.
    assert [(entry.outcome, entry.subject_ids) for entry in world.audit] == [
        ("OUT_OF_SCOPE", ()),
        ("DEVICE_PROOF_INVALID", (OWN,)),
    ]
    assert len(world.device_rows.rows) == 1


def test_an_enrolled_phone_is_certified_and_put_on_record() -> None:
    world = EcertWorld()
    world.add_certificate(OWN)
    assert enrol(world) == "OK"
    (device,) = world.device_rows.rows.values()
    assert (device.state, device.public_key) == (DeviceState.ACTIVE, b"key")
    assert world.device_rows.places[device.device_id].list_number == 1
    assert (world.holders.locked, world.certificate_rows.locked) == (["p1"], [OWN])
    (entry,) = world.audit
    assert entry.subject_ids == ("p1", OWN, device.device_id)
    assert entry.detail == {"algorithm": "ED25519"}
    # Settlement knows nothing of phones.
    assert world.fed == set()


def test_a_renewal_refuses_in_the_order_that_the_contract_promises() -> None:
    world = EcertWorld()
    wrong: dict[str, Any] = {
        "caller": f"holder/{STRANGER}",
        "challenge": bytes(56),
        "signature": b"",
        "device_certificate_id": "00" * 8,
    }
    assert renew(world, **wrong) == "DEVICE_NOT_FOUND"
    device = enrolled(world)
    assert renew(world, **wrong) == "OUT_OF_SCOPE"
    assert world.holders.locked == []
    del wrong["caller"]
    world.add_certificate(OWN, case_id="m")
    revoked = Device(
        REGION,
        *("d1", OWN, "phone", KeyAlgorithm.ED25519, b"key"),
        DeviceState.REVOKED,
        NEWEST,
        world.now,
    )
    world.device_rows.rows["d1"] = revoked
    assert renew(world, **wrong) == "DEVICE_REVOKED"
    world.device_rows.rows["d1"] = device
    assert renew(world, **wrong) == "ECERT_SUSPENDED"
    world.add_certificate(OWN)
    assert renew(world, **wrong) == "DEVICE_CHALLENGE_INVALID"
    del wrong["challenge"]
    assert renew(world, **wrong) == "DEVICE_PROOF_INVALID"
    del wrong["signature"]
    assert world.device_rows.alarms == []
    assert renew(world, **wrong) == "DEVICE_CLONE_SUSPECTED"
    assert [(entry.outcome, entry.subject_ids) for entry in world.audit] == [
        ("OUT_OF_SCOPE", ("d1",)),
        ("DEVICE_PROOF_INVALID", ("d1",)),
        ("DEVICE_CLONE_SUSPECTED", ("p1", OWN, "d1")),
    ]


def test_a_renewal_keeps_its_place_until_its_bit_was_set() -> None:
    world = EcertWorld()
    enrolled(world)
    before = world.device_rows.places["d1"]
    assert renew(world) == "OK"
    assert world.device_rows.places["d1"] == before
    assert world.device_rows.rows["d1"].newest_device_certificate_id != NEWEST
    assert world.device_rows.locked == ["d1"]
    assert world.bits == set()


def test_a_copied_key_is_revoked_alarmed_once_and_told_again() -> None:
    world = EcertWorld()
    enrolled(world)
    assert renew(world) == "OK"
    place = world.device_rows.places["d1"]
    # Who comes with the former certificate has a copy, or has been copied.
    command = renewal(world)
    assert outcome(world.devices.renew, command) == "DEVICE_CLONE_SUSPECTED"
    assert world.device_rows.rows["d1"].state is DeviceState.CLONE_SUSPECTED
    assert world.bits == {place}
    (alarm,) = world.device_rows.alarms
    assert (alarm.named_device_certificate_id, alarm.raise_time) == (NEWEST, world.now)
    assert world.alarms.devices == [(REGION, "d1")]
    assert outcome(world.devices.renew, command) == "DEVICE_CLONE_SUSPECTED"
    assert world.alarms.devices == [(REGION, "d1")]
    assert len(world.device_rows.alarms) == 1
    assert len(world.audit) == 2


def test_revoking_asks_whether_it_is_there_before_whose_it_is() -> None:
    world = EcertWorld()
    stranger = f"holder/{STRANGER}"
    assert revoke(world, caller=stranger) == "DEVICE_NOT_FOUND"
    enrolled(world)
    assert revoke(world, caller=stranger) == "OUT_OF_SCOPE"
    (entry,) = world.audit
    assert entry.subject_ids == ()
    assert revoke(world, caller=f"holder/{OWN}") == "OK"
    assert world.device_rows.rows["d1"].state is DeviceState.REVOKED
    assert world.audit[-1].detail == {"revocation": "LOST"}
    # One revoked before stays as it is.
    assert revoke(world) == "OK"
    assert len(world.audit) == 2


def test_a_revoked_phone_leaves_a_bit_for_what_may_still_be_accepted() -> None:
    for late, is_listed in ((dt.timedelta(seconds=59), True), (dt.timedelta(seconds=60), False)):
        world = EcertWorld()
        world.add_certificate(OWN)
        assert enrol(world) == "OK"
        (device,) = world.device_rows.rows.values()
        world.now += dt.timedelta(hours=48) + late
        assert revoke(world, device.device_id) == "OK"
        places: set[Place] = {world.device_rows.places[device.device_id]} if is_listed else set()
        assert world.bits == places
