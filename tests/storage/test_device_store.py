"""Devices in the database: enrolled on a proof, renewed, found in two places, revoked."""

import dataclasses
import datetime as dt

import pytest
import sqlalchemy as sa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from support.databases import Databases, as_owner
from support.ecert_desk import EcertDesk, Phone, p256_key, stated
from support.person_stores import MAKER, REGION, answer

from yibao import device as proofs
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_identity.application.device.revocation import withdraw_certificates
from yibao_identity.rules.device import DevicePolicy, DeviceState, KeyAlgorithm, Revocation
from yibao_identity.storage import tables
from yibao_identity.storage.feed import renew_epochs

HOUR = dt.timedelta(hours=1)


@pytest.fixture
def desk(databases: Databases) -> EcertDesk:
    return EcertDesk(databases.open("yibao_identity"))


def refusal_of(act: object, *args: object, **kwargs: object) -> RuleError:
    with pytest.raises(RuleError) as refused:
        act(*args, **kwargs)  # type: ignore[operator]
    return refused.value


@pytest.mark.parametrize("algorithm", KeyAlgorithm)
def test_an_enrolled_key_is_certified_by_the_issuer(
    desk: EcertDesk, algorithm: KeyAlgorithm
) -> None:
    certificate = desk.activate()
    phone = Phone(certificate.certificate_id)
    if algorithm is KeyAlgorithm.P256:
        phone.private_key = p256_key()
    desk.enrol(phone)
    assert phone.signed is not None
    facts, said = phone.signed.facts, stated(phone.signed)
    assert (said.issuer, said.subject) == (REGION, certificate.subject)
    assert said.device_key == phone.public_key
    assert said.device_certificate_id.hex() == facts.device_certificate_id
    assert said.expire_second - said.issue_second == 48 * 3600
    assert (said.status_uri, said.status_index) == (f"mi:sl/{REGION}/1", facts.status_index)
    # COSE_Sign1: what is signed are the protected header and the payload (RFC 9052, 4.4).
    frame = phone.signed.certificate
    signed = b"\x84\x6aSignature1" + frame[2:16] + b"\x40" + frame[17:-66]
    desk.issuer_key.public_key().verify(frame[-64:], signed)

    assert desk.stored_device(phone) == phone.device
    with desk.database.read() as connection:
        row = connection.execute(sa.select(tables.device_certificate)).one()
        device = connection.execute(sa.select(tables.device)).one()
    assert row.device_certificate_id == facts.device_certificate_id
    assert (row.issue_time, row.expire_time) == (facts.issue_time, facts.expire_time)
    assert (bytes(device.attestation), device.enrolled_by) == (b"attested", "channel/wallet")
    last = desk.audit()[-1]
    assert (last.method, last.detail) == ("EnrolDevice", f"algorithm={algorithm.name}")
    assert last.subject_ids == (
        certificate.person_id,
        certificate.certificate_id,
        phone.device_id,
    )


def test_a_repeated_enrolment_gets_the_same_certificate(desk: EcertDesk) -> None:
    phone = Phone(desk.activate().certificate_id)
    command = desk.enrolment(phone, request=desk.asked("EnrolDevice"))
    first = answer(desk.devices.enrol, command)
    # Also when the challenge is long over.
    desk.clock.now += HOUR
    assert answer(desk.devices.enrol, command) == first
    assert desk.count(tables.device_certificate) == 1


def test_a_key_is_enrolled_once_for_ever(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    own = refusal_of(desk.enrol, Phone(phone.certificate_id, phone.private_key))
    assert (own.reason, own.metadata) == (Reason.DEVICE_EXISTS, {"device_id": phone.device_id})
    # Another's device is not named.
    stranger = Phone(desk.activate().certificate_id, phone.private_key)
    others = refusal_of(desk.enrol, stranger)
    assert (others.reason, others.metadata) == (Reason.DEVICE_EXISTS, {})
    desk.revoke(phone)
    again = refusal_of(desk.enrol, Phone(phone.certificate_id, phone.private_key))
    assert again.reason is Reason.DEVICE_EXISTS


def test_a_holder_has_as_many_devices_as_the_operator_allows(databases: Databases) -> None:
    desk = EcertDesk(databases.open("yibao_identity"), policy=DevicePolicy(most=2))
    certificate_id = desk.activate().certificate_id
    first, _ = (desk.enrol(Phone(certificate_id)) for _ in range(2))
    refused = refusal_of(desk.enrol, Phone(certificate_id))
    assert (refused.reason, refused.metadata) == (Reason.DEVICE_LIMIT, {"limit": "2"})
    desk.revoke(first)
    desk.enrol(Phone(certificate_id))


def test_p256_may_be_forbidden(databases: Databases) -> None:
    policy = DevicePolicy(allows_p256=False)
    desk = EcertDesk(databases.open("yibao_identity"), policy=policy)
    phone = Phone(desk.activate().certificate_id, p256_key())
    assert refusal_of(desk.enrol, phone).reason is Reason.DEVICE_KEY_REFUSED


def test_what_proves_nothing_enrols_nothing_and_is_on_record(desk: EcertDesk) -> None:
    certificate_id = desk.activate().certificate_id
    other_certificate = desk.activate().certificate_id
    audited = len(desk.audit())
    cases = {
        Reason.DEVICE_PROOF_INVALID: {"signature": bytes(64)},
        Reason.DEVICE_CHALLENGE_INVALID: {
            "challenge": desk.devices.challenge(REGION, other_certificate).content
        },
        Reason.DEVICE_KEY_REFUSED: {"public_key": bytes(32)},
    }
    for reason, changes in cases.items():
        assert refusal_of(desk.enrol, Phone(certificate_id), **changes).reason is reason
    assert desk.count(tables.device) == 0
    assert desk.count(tables.device_certificate) == 0
    # Only a wrong proof looks like an attack; the others are mistakes of the caller.
    (row,) = desk.audit()[audited:]
    assert (row.method, row.outcome) == ("EnrolDevice", "DEVICE_PROOF_INVALID")
    assert row.subject_ids == (certificate_id,)


def test_an_old_challenge_enrols_nothing(desk: EcertDesk) -> None:
    phone = Phone(desk.activate().certificate_id)
    command = desk.enrolment(phone)
    desk.clock.now += dt.timedelta(minutes=5)
    assert refusal_of(desk.devices.enrol, command, bytes).reason is (
        Reason.DEVICE_CHALLENGE_INVALID
    )


def test_a_renewed_certificate_stands_beside_the_one_before(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    assert phone.signed is not None
    former = phone.signed.facts
    desk.clock.now = former.renew_time
    desk.renew(phone)
    facts = phone.signed.facts
    assert facts.device_certificate_id != former.device_certificate_id
    # One entry a device: one a certificate would fill a list in a day.
    assert (facts.list_number, facts.status_index) == (former.list_number, former.status_index)
    assert facts.expire_time > former.expire_time
    assert desk.stored_device(phone).newest_device_certificate_id == phone.newest_id
    assert desk.revoked_ids() == set()
    assert desk.alarms.devices == []


def test_a_phone_that_was_off_for_weeks_renews(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    desk.clock.now += dt.timedelta(days=30)
    desk.renew(phone)
    assert desk.stored_device(phone).state is DeviceState.ACTIVE


def test_a_renewal_whose_answer_was_lost_is_answered_again(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    command = desk.renewal(phone, request=desk.asked("RenewDeviceCertificate"))
    first = answer(desk.devices.renew, command)
    assert answer(desk.devices.renew, command) == first
    assert desk.alarms.devices == []
    other = dataclasses.replace(command, request=command.request._replace(digest=b"0"))
    assert refusal_of(desk.devices.renew, other, bytes).reason is Reason.REQUEST_ID_REUSED


def test_a_key_that_renews_in_two_places_is_revoked(desk: EcertDesk) -> None:
    """Two live certificates for one device: the older one shows up to renew."""
    phone = desk.new_phone()
    copy = dataclasses.replace(phone)
    desk.renew(copy)
    before = len(desk.audit())
    command = desk.renewal(phone, request=desk.asked("RenewDeviceCertificate"))
    refused = refusal_of(desk.devices.renew, command, bytes)
    assert refused.reason is Reason.DEVICE_CLONE_SUSPECTED
    assert refused.metadata == {"device_id": phone.device_id}
    device = desk.stored_device(phone)
    assert device.state is DeviceState.CLONE_SUSPECTED
    assert device.revoke_time is not None
    assert desk.revoked_ids() == {phone.newest_id, copy.newest_id}
    with desk.database.read() as connection:
        alarm = connection.execute(sa.select(tables.device_alarm)).one()
    assert alarm.named_device_certificate_id == phone.newest_id
    assert alarm.newest_device_certificate_id == copy.newest_id
    assert desk.alarms.devices == [(REGION, phone.device_id)]
    (row,) = desk.audit()[before:]
    assert (row.method, row.outcome) == ("RenewDeviceCertificate", "DEVICE_CLONE_SUSPECTED")

    # Told again, it is the same alarm.
    assert refusal_of(desk.devices.renew, command, bytes).metadata == refused.metadata
    assert desk.count(tables.device_alarm) == 1
    assert desk.alarms.devices == [(REGION, phone.device_id)]
    # Neither of the two goes on, and the holder enrols another key.
    for either in (phone, copy):
        again = refusal_of(desk.renew, either)
        assert again.reason is Reason.DEVICE_REVOKED
        assert again.metadata == {"device_id": phone.device_id, "state": "CLONE_SUSPECTED"}
    desk.enrol(Phone(phone.certificate_id))


def lose_newest(desk: EcertDesk, phone: Phone) -> None:
    """Takes the database back to before the phone's last renewal, as a restore does."""
    issued, device = tables.device_certificate, tables.device
    with as_owner(desk.database) as connection:
        ids = connection.execute(
            sa.select(issued.c.device_certificate_id)
            .where(issued.c.device_id == phone.device_id)
            .order_by(issued.c.issue_time)
        ).scalars()
        former, newest = list(ids)[-2:]
        connection.execute(sa.delete(issued).where(issued.c.device_certificate_id == newest))
        connection.execute(
            sa.update(device)
            .where(device.c.device_id == phone.device_id)
            .values(newest_device_certificate_id=former)
        )
        begin_feed_of_old(connection)


def begin_feed_of_old(connection: sa.Connection) -> None:
    """Has the feed of the region begun before everything."""
    old = "01700000-0000-7000-8000-000000000000"
    connection.execute(sa.update(tables.feed_head).values(epoch=old))


def test_a_phone_whose_renewal_a_restore_lost_renews_once_the_restore_is_told(
    desk: EcertDesk,
) -> None:
    phone = desk.new_phone()
    desk.clock.now += dt.timedelta(days=1)
    copy = dataclasses.replace(phone)
    desk.renew(phone)
    lose_newest(desk, phone)
    with desk.database.write() as connection:
        renew_epochs(connection)
    desk.renew(phone)
    assert desk.stored_device(phone).state is DeviceState.ACTIVE
    assert desk.alarms.devices == []
    # A copy of the key that comes now is found as ever.
    assert refusal_of(desk.renew, copy).reason is Reason.DEVICE_CLONE_SUSPECTED


def test_an_unknown_certificate_is_an_alarm_where_nothing_was_restored(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    desk.clock.now += dt.timedelta(days=1)
    desk.renew(phone)
    lose_newest(desk, phone)
    assert refusal_of(desk.renew, phone).reason is Reason.DEVICE_CLONE_SUSPECTED


def test_nobody_raises_an_alarm_without_the_key(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    desk.renew(dataclasses.replace(phone))
    thief = dataclasses.replace(phone, private_key=Ed25519PrivateKey.generate())
    assert refusal_of(desk.renew, thief).reason is Reason.DEVICE_PROOF_INVALID
    assert desk.stored_device(phone).state is DeviceState.ACTIVE
    assert desk.count(tables.device_alarm) == 0
    assert desk.audit()[-1].outcome == "DEVICE_PROOF_INVALID"


def test_a_proof_of_enrolment_renews_nothing(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    challenge = desk.devices.challenge(REGION, phone.certificate_id).content
    statement = proofs.enrolment_statement(challenge, phone.public_key)
    signature = proofs.sign(phone.private_key, statement)
    refused = refusal_of(desk.renew, phone, challenge=challenge, signature=signature)
    assert refused.reason is Reason.DEVICE_PROOF_INVALID


@pytest.mark.parametrize("revocation", Revocation)
def test_a_revoked_device_is_revoked_for_good(desk: EcertDesk, revocation: Revocation) -> None:
    phone = desk.new_phone()
    former = phone.newest_id
    desk.renew(phone)
    revoked = desk.revoke(phone, revocation, caller=MAKER)
    assert revoked.state is DeviceState.REVOKED
    assert desk.revoked_ids() == {former, phone.newest_id}
    assert desk.audit()[-1].detail == f"revocation={revocation.name}"
    rows = len(desk.audit())
    # One revoked before stays as it is.
    assert desk.revoke(phone, Revocation.RETIRED) == revoked
    assert len(desk.audit()) == rows
    refused = refusal_of(desk.renew, phone)
    assert refused.metadata == {"device_id": phone.device_id, "state": "REVOKED"}


@pytest.mark.parametrize(("seconds_late", "is_listed"), [(59, True), (60, False)])
def test_only_what_may_still_be_accepted_is_put_on_a_list(
    desk: EcertDesk, seconds_late: int, is_listed: bool
) -> None:
    # A verifier whose clock is behind accepts a certificate up to 60 s after its end.
    phone = desk.new_phone()
    assert phone.signed is not None
    # The clock moves by a second with each look: here for the revocation alone.
    desk.clock.now = phone.signed.facts.expire_time + dt.timedelta(seconds=seconds_late - 1)
    desk.revoke(phone)
    assert desk.revoked_ids() == ({phone.newest_id} if is_listed else set())


def test_a_bit_stays_as_long_as_the_certificate_may_be_accepted(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    assert phone.signed is not None
    desk.revoke(phone)
    with desk.database.read() as connection:
        row = connection.execute(sa.select(tables.revoked_status)).one()
    facts = phone.signed.facts
    assert (row.list_number, row.status_index) == (facts.list_number, facts.status_index)
    assert row.expire_time == facts.expire_time + dt.timedelta(seconds=60)


def test_a_holder_acts_for_its_own_devices_and_the_attempt_is_on_record(desk: EcertDesk) -> None:
    phone, stranger = desk.new_phone(), desk.activate()
    caller = f"holder/{stranger.certificate_id}"
    for act in (desk.renew, desk.revoke):
        refused = refusal_of(act, phone, caller=caller)
        assert refused.reason is Reason.OUT_OF_SCOPE
        # Whose device it is stays untold.
        assert phone.certificate_id not in str(refused)
        assert refused.metadata == {"scope": f"device/{phone.device_id}"}
        assert (desk.audit()[-1].caller, desk.audit()[-1].outcome) == (caller, "OUT_OF_SCOPE")
    assert refusal_of(desk.enrol, Phone(phone.certificate_id), caller=caller).reason is (
        Reason.OUT_OF_SCOPE
    )
    own = f"holder/{phone.certificate_id}"
    desk.renew(phone, caller=own)
    desk.revoke(phone, caller=own)


def test_what_does_not_exist_is_not_found(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    for act in (desk.renew, desk.revoke):
        missing = dataclasses.replace(phone)
        assert missing.device is not None
        missing.device = dataclasses.replace(missing.device, device_id=new_id())
        assert refusal_of(act, missing).reason is Reason.DEVICE_NOT_FOUND
    for read in (desk.devices.challenge, desk.devices.list):
        assert refusal_of(read, REGION, new_id()).reason is Reason.CERTIFICATE_NOT_FOUND


def test_the_next_list_begins_where_the_newest_is_half_full(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    assert phone.signed is not None
    with desk.database.write() as connection:
        rows = [
            {
                "region": REGION,
                "list_number": 1,
                "status_index": number,
                "device_certificate_id": f"{number:016x}",
                "revoke_time": desk.clock.now,
                "expire_time": desk.clock.now,
            }
            for number in range(64)
            if number != phone.signed.facts.status_index
        ]
        connection.execute(sa.insert(tables.revoked_status), rows)
    # A list of 64 entries, all of which are taken: bits that were set, and a device.
    desk.certifier._status_entries = 64
    for _ in range(2):
        new = desk.new_phone()
        assert new.signed is not None
        assert stated(new.signed).status_uri == f"mi:sl/{REGION}/2"
    desk.renew(phone)
    assert phone.signed.facts.list_number == 1


def test_a_bit_that_was_set_covers_what_was_certified_and_nothing_after(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    assert phone.signed is not None
    former = phone.signed.facts
    desk.clock.now = former.renew_time
    desk.renew(phone)
    place, end = (former.list_number, former.status_index), phone.signed.facts.expire_time
    desk.transactions.change(
        REGION, lambda work: withdraw_certificates(work, [phone.device_id], at=desk.clock.now)
    )
    with desk.database.read() as connection:
        (row,) = connection.execute(sa.select(tables.revoked_status)).all()
    assert (row.list_number, row.status_index) == place
    # As long as the last of the two certificates may be accepted.
    assert row.expire_time > end
    desk.renew(phone)
    facts = phone.signed.facts
    assert (facts.list_number, facts.status_index) != place
    # The place that was left stays taken: nobody else is certified as revoked.
    desk.certifier._draw = lambda: [place[1]] * 32  # type: ignore[method-assign]
    other = desk.new_phone()
    assert other.signed is not None
    assert (other.signed.facts.list_number, other.signed.facts.status_index) != place


def told_revoked(desk: EcertDesk) -> set[str]:
    """Returns the device certificates that settlement is told to refuse, of the one holder."""
    *_, newest = desk.changes(REGION, after_sequence=0, limit=1_000)
    (told,) = newest.standing.credentials
    return set(told.revoked_device_certificate_ids)


def test_a_revocation_is_fed_to_settlement_with_its_answer(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    desk.enrol(Phone(phone.certificate_id))
    changes = len(desk.feed())
    desk.revoke(phone)
    assert len(desk.feed()) == changes + 1
    assert told_revoked(desk) == {phone.newest_id}
    desk.revoke(phone)
    assert len(desk.feed()) == changes + 1
    # Once the certificates have ended by themselves there is nothing to tell.
    desk.clock.now += dt.timedelta(days=4)
    assert told_revoked(desk) == set()


def test_a_key_found_in_two_places_is_fed_to_settlement(desk: EcertDesk) -> None:
    phone = desk.new_phone()
    copy = dataclasses.replace(phone)
    desk.renew(copy)
    command = desk.renewal(phone, request=desk.asked("RenewDeviceCertificate"))
    assert refusal_of(desk.devices.renew, command, bytes).reason is Reason.DEVICE_CLONE_SUSPECTED
    assert told_revoked(desk) == {phone.newest_id, copy.newest_id}
