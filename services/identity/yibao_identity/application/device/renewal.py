"""Renews device certificates, and finds keys that live in two places.

A phone names the newest certificate that it got. Whoever copied its key and renewed with
it has a newer one, so the next of the two to come names one that is not the newest any
more; the proof of possession shows that it does have the key. Nobody can tell which of the
two is the holder's, so the device is revoked and the holder enrols another key. What a restore
of the database lost is no copy's doing, and renews.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.values.caller import Caller, Role
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids, made_at
from yibao_common.values.reasons import Reason
from yibao_identity.application.certificate import lock_certificate
from yibao_identity.application.device.certifier import DeviceCertifier
from yibao_identity.application.device.challenge import Challenges
from yibao_identity.application.device.command import RenewDeviceCertificate, SignedCertificate
from yibao_identity.application.device.proof import DeviceKeys, check_renewal
from yibao_identity.application.device.revocation import revoke_device
from yibao_identity.application.device.rows import DeviceAlarm
from yibao_identity.rules.certificate import Certificate, check_may_issue
from yibao_identity.rules.device import (
    Device,
    DeviceState,
    check_active,
    clone_suspected,
    device_not_found,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class HeldDevice:
    """A device whose row is locked, as are its certificate's and its holder's."""

    device: Device
    certificate: Certificate

    @property
    def subject_ids(self) -> tuple[str, ...]:
        """Whom a command about the device is about, for the audit."""
        certificate = self.certificate
        return (certificate.person_id, certificate.certificate_id, self.device.device_id)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of a renewal: the new certificate, or an alarm and its refusal."""

    held: HeldDevice
    outcome: SignedCertificate | RuleError


def lock_device(work: "Work", device_id: str, *, caller: Caller) -> HeldDevice:
    """Locks the rows of the holder, the certificate and the device, in this order.

    Raises:
        RuleError: DEVICE_NOT_FOUND; OUT_OF_SCOPE, another holder's device.
    """
    read = work.devices.find(device_id)
    if read is None:
        raise device_not_found(device_id)
    if caller.role is Role.HOLDER and caller.id != read.certificate_id:
        # Whose it is stays untold.
        raise RuleError(
            Reason.OUT_OF_SCOPE,
            f"the caller does not act for device {device_id}",
            scope=f"device/{device_id}",
        )
    certificate = lock_certificate(work, read.certificate_id)
    device = work.devices.lock(device_id)
    assert device is not None, "a device is never deleted"
    return HeldDevice(device, certificate)


def _was_lost(work: "Work", device: Device, named_id: str) -> bool:
    """Tells whether the certificate that a phone names was lost when identity was restored.

    It is none that is known, and the feed began anew (`yibao db restored`) after the newest one
    that is. Once the phone has renewed, the alarm is what it was: a copy of the key names a
    certificate that is known, or comes second.
    """
    rows = work.device_certificates.ending_after([device.device_id], device.enrol_time)
    issue_times = {each.device_certificate_id: each.issue_time for each in rows}
    newest_time = issue_times.get(device.newest_device_certificate_id)
    if named_id in issue_times or newest_time is None:
        return False
    head = work.feed_rows.head()
    return head is not None and made_at(head.epoch) > newest_time


class Renewals:
    """Carries out renewals inside their transactions."""

    def __init__(
        self, keys: DeviceKeys, challenges: Challenges, certifier: DeviceCertifier, *, ids: Ids
    ) -> None:
        """Takes what checks proofs and certifies keys."""
        self._keys = keys
        self._challenges = challenges
        self._certifier = certifier
        self._ids = ids

    def renew(self, work: "Work", command: RenewDeviceCertificate, *, now: dt.datetime) -> Renewal:
        """Certifies a device's key anew, or raises the alarm; both are to be committed.

        Raises:
            RuleError: DEVICE_NOT_FOUND, OUT_OF_SCOPE, DEVICE_REVOKED, ECERT_NOT_ACTIVATED,
                ECERT_SUSPENDED, DEVICE_CHALLENGE_INVALID, DEVICE_PROOF_INVALID; nothing is
                stored then.
        """
        request = command.request
        held = lock_device(work, command.device_id, caller=request.caller)
        device = held.device
        check_active(device)
        check_may_issue(held.certificate)
        self._challenges.check(request.region, device.certificate_id, command.challenge)
        check_renewal(
            self._keys,
            device.algorithm,
            device.public_key,
            challenge=command.challenge,
            device_certificate_id=command.device_certificate_id,
            signature=command.signature,
        )
        named_id = command.device_certificate_id
        if named_id != device.newest_device_certificate_id and not _was_lost(
            work, device, named_id
        ):
            self._raise_alarm(work, device, command, now=now)
            return Renewal(held, clone_suspected(device.device_id))
        signed = self._certifier.certify(
            work.device_certificates,
            held.certificate,
            device_id=device.device_id,
            public_key=device.public_key,
            now=now,
            kept_place=work.device_certificates.free_place_of(device.device_id),
        )
        work.devices.renew(device.device_id, signed.facts)
        return Renewal(held, signed)

    def _raise_alarm(
        self, work: "Work", device: Device, command: RenewDeviceCertificate, *, now: dt.datetime
    ) -> None:
        caller = command.request.caller.path
        work.devices.insert_alarm(
            DeviceAlarm(
                self._ids(),
                device.device_id,
                now,
                command.device_certificate_id,
                device.newest_device_certificate_id,
                caller,
            )
        )
        revoke_device(work, device, state=DeviceState.CLONE_SUSPECTED, at=now, caller=caller)
