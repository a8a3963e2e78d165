"""Renews device certificates, and finds keys that live in two places.

A phone names the newest certificate that it got. Whoever copied its key and renewed with
it has a newer one, so the next of the two to come names one that is not the newest any
more; the proof of possession shows that it does have the key. Nobody can tell which of the
two is the holder's, so the device is revoked and the holder enrols another key.
"""

import datetime as dt
from dataclasses import dataclass

import sqlalchemy as sa

from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_identity.application.devices import RenewDeviceCertificate, SignedCertificate
from yibao_identity.rules.certificate import check_may_issue
from yibao_identity.rules.device import DeviceState, check_active, clone_suspected
from yibao_identity.storage import tables
from yibao_identity.storage.challenges import Challenges
from yibao_identity.storage.device_certificates import DeviceCertifier
from yibao_identity.storage.device_keys import check_renewal
from yibao_identity.storage.device_rows import (
    HeldDevice,
    change_device,
    hold_device,
    kept_place,
    revoke_device,
)


@dataclass(frozen=True, slots=True)
class Renewal:
    """What became of a renewal: the new certificate, or an alarm and its refusal."""

    held: HeldDevice
    outcome: SignedCertificate | RuleError


def renew_certificate(
    connection: sa.Connection,
    command: RenewDeviceCertificate,
    *,
    challenges: Challenges,
    certifier: DeviceCertifier,
    now: dt.datetime,
    ids: Ids,
) -> Renewal:
    """Certifies a device's key anew, or raises the alarm; both are to be committed.

    Raises:
        RuleError: DEVICE_NOT_FOUND, OUT_OF_SCOPE, DEVICE_REVOKED, ECERT_NOT_ACTIVATED,
            ECERT_SUSPENDED, DEVICE_CHALLENGE_INVALID, DEVICE_PROOF_INVALID; nothing is
            stored then.
    """
    request = command.request
    held = hold_device(connection, request.region, command.device_id, caller=request.caller)
    device = held.device
    check_active(device)
    check_may_issue(held.certificate)
    challenges.check(request.region, device.certificate_id, command.challenge)
    check_renewal(
        device.algorithm,
        device.public_key,
        challenge=command.challenge,
        device_certificate_id=command.device_certificate_id,
        signature=command.signature,
    )
    if command.device_certificate_id != device.newest_device_certificate_id:
        _raise_alarm(connection, held, command, now=now, alarm_id=ids())
        return Renewal(held, clone_suspected(device.device_id))
    signed = certifier.certify(
        connection,
        held.certificate,
        device_id=device.device_id,
        public_key=device.public_key,
        now=now,
        kept_place=kept_place(connection, device),
    )
    change_device(
        connection,
        device,
        newest_device_certificate_id=signed.facts.device_certificate_id,
        list_number=signed.facts.list_number,
        status_index=signed.facts.status_index,
    )
    return Renewal(held, signed)


def _raise_alarm(
    connection: sa.Connection,
    held: HeldDevice,
    command: RenewDeviceCertificate,
    *,
    now: dt.datetime,
    alarm_id: str,
) -> None:
    device, caller = held.device, command.request.caller.path
    connection.execute(
        sa.insert(tables.device_alarm).values(
            region=device.region,
            alarm_id=alarm_id,
            device_id=device.device_id,
            raise_time=now,
            named_device_certificate_id=command.device_certificate_id,
            newest_device_certificate_id=device.newest_device_certificate_id,
            caller=caller,
        )
    )
    revoke_device(connection, device, state=DeviceState.CLONE_SUSPECTED, now=now, caller=caller)
