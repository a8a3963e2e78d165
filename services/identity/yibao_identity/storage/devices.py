"""Phones of holders: enrolled on a proof, revoked, read."""

from collections.abc import Callable, Sequence

import sqlalchemy as sa

from yibao_common.commands.request import Request
from yibao_common.db.audit_chain import record_audit, record_refused
from yibao_common.db.database import Database
from yibao_common.keys.vault import Vault
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_identity.application.devices import (
    Challenge,
    DeviceAlarms,
    EnrolDevice,
    EnrolledDevice,
    RenewDeviceCertificate,
    RevokeDevice,
    SignedCertificate,
)
from yibao_identity.rules.certificate import certificate_not_found, check_may_issue
from yibao_identity.rules.device import (
    Device,
    DevicePolicy,
    DeviceState,
    check_algorithm,
    check_may_enrol,
    device_exists,
)
from yibao_identity.storage import tables
from yibao_identity.storage.calls import is_of_foreign_holder
from yibao_identity.storage.certificate_rows import find_certificate, hold_certificate
from yibao_identity.storage.challenges import Challenges
from yibao_identity.storage.counted_answers import answer_counted
from yibao_identity.storage.device_certificates import CredentialSigner, DeviceCertifier
from yibao_identity.storage.device_keys import check_enrolment, check_key
from yibao_identity.storage.device_renewal import renew_certificate
from yibao_identity.storage.device_rows import (
    active_devices,
    add_device,
    devices_of,
    find_device,
    hold_device,
    revoke_device,
)
from yibao_identity.storage.person_calls import PersonCalls

_MOST_LISTED = 100


class DeviceStore(PersonCalls):
    """Devices of a database; see `application.devices.Devices`."""

    def __init__(
        self,
        database: Database,
        vault: Vault,
        *,
        signer: CredentialSigner,
        policy: DevicePolicy,
        alarms: DeviceAlarms,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes what certifies keys, and who is told of alarms."""
        super().__init__(database, vault, clock=clock, ids=ids)
        self._policy = policy
        self._alarms = alarms
        self._challenges = Challenges(vault, clock=clock, random_bytes=random_bytes)
        self._certifier = DeviceCertifier(signer, policy=policy, random_bytes=random_bytes)

    def challenge(self, region: str, certificate_id: str) -> Challenge:
        """Returns what a device's key has to sign; stores nothing."""
        with self._database.read() as connection:
            certificate = find_certificate(connection, region, certificate_id)
        if certificate is None:
            raise certificate_not_found(certificate_id)
        check_may_issue(certificate)
        return self._challenges.make(region, certificate_id)

    def enrol(self, command: EnrolDevice, encode: Callable[[EnrolledDevice], bytes]) -> bytes:
        """Enrols a phone once by request id and returns the answer's bytes."""
        try:
            return self._answer(
                command.request, lambda connection: self._enrol(connection, command, encode)
            )
        except RuleError as refusal:
            if refusal.reason is Reason.DEVICE_PROOF_INVALID:
                self._record_refused(command.request, command.certificate_id, refusal)
            raise

    def renew(
        self, command: RenewDeviceCertificate, encode: Callable[[SignedCertificate], bytes]
    ) -> bytes:
        """Certifies a key anew once by request id and returns the answer's bytes."""
        raised = False

        def work(connection: sa.Connection) -> bytes | RuleError:
            nonlocal raised
            renewal = renew_certificate(
                connection,
                command,
                challenges=self._challenges,
                certifier=self._certifier,
                now=self._clock(),
                ids=self._ids,
            )
            certificate, outcome = renewal.held.certificate, renewal.outcome
            subjects = (certificate.person_id, certificate.certificate_id, command.device_id)
            raised = isinstance(outcome, RuleError)
            if isinstance(outcome, RuleError):
                entry = self._entry(command.request, subjects, outcome.reason.name, {})
                record_audit(connection, tables.audit, entry)
                return outcome
            response = encode(outcome)
            self._record(connection, command.request, subjects)
            return response

        try:
            return answer_counted(
                self._database,
                self._vault,
                region=command.request.region,
                request_id=command.request.request_id,
                digest=command.request.digest,
                method=command.request.method,
                clock=self._clock,
                work=work,
            )
        except RuleError as refusal:
            self._record_refused(command.request, command.device_id, refusal)
            # The same request sent again is told the same, and is no other alarm.
            if raised and refusal.reason is Reason.DEVICE_CLONE_SUSPECTED:
                self._alarms.raised(command.request.region, command.device_id)
            raise

    def revoke(self, command: RevokeDevice, encode: Callable[[Device], bytes]) -> bytes:
        """Revokes a device once by request id and returns the answer's bytes."""
        return self._answer(
            command.request,
            lambda connection: encode(self._revoke(connection, command)),
        )

    def list(self, region: str, certificate_id: str) -> Sequence[Device]:
        """Returns the newest devices of a certificate, revoked ones too."""
        with self._database.read() as connection:
            if find_certificate(connection, region, certificate_id) is None:
                raise certificate_not_found(certificate_id)
            return devices_of(connection, region, certificate_id, most=_MOST_LISTED)

    def _record_refused(self, request: Request, about: str, refusal: RuleError) -> None:
        """Puts refusals on record by which somebody may be trying what is not theirs."""
        is_foreign = is_of_foreign_holder(request, refusal)
        if is_foreign or refusal.reason is Reason.DEVICE_PROOF_INVALID:
            entry = self._entry(request, (about,), refusal.reason.name, {})
            record_refused(self._database, tables.audit, entry)

    def _enrol(
        self,
        connection: sa.Connection,
        command: EnrolDevice,
        encode: Callable[[EnrolledDevice], bytes],
    ) -> bytes:
        request, now = command.request, self._clock()
        region, certificate_id = request.region, command.certificate_id
        request.caller.require_certificate(certificate_id)
        check_algorithm(command.algorithm, self._policy)
        check_key(command.algorithm, command.public_key)
        self._challenges.check(region, certificate_id, command.challenge)
        check_enrolment(
            command.algorithm,
            command.public_key,
            challenge=command.challenge,
            signature=command.signature,
        )
        certificate = hold_certificate(connection, region, certificate_id)
        check_may_issue(certificate)
        _check_is_new(connection, region, certificate_id, command.public_key)
        check_may_enrol(active_devices(connection, region, certificate_id), self._policy)
        device_id = self._ids()
        signed = self._certifier.certify(
            connection, certificate, device_id=device_id, public_key=command.public_key, now=now
        )
        device = Device(
            region,
            device_id,
            certificate_id,
            command.device_name,
            command.algorithm,
            command.public_key,
            DeviceState.ACTIVE,
            signed.facts.device_certificate_id,
            now,
        )
        add_device(
            connection,
            device,
            place=(signed.facts.list_number, signed.facts.status_index),
            caller=request.caller.path,
            attestation=command.attestation,
        )
        response = encode(EnrolledDevice(device, signed))
        subjects = (certificate.person_id, certificate_id, device_id)
        self._record(connection, request, subjects, algorithm=command.algorithm.name)
        return response

    def _revoke(self, connection: sa.Connection, command: RevokeDevice) -> Device:
        request = command.request
        held = hold_device(connection, request.region, command.device_id, caller=request.caller)
        if held.device.state is not DeviceState.ACTIVE:
            return held.device
        revoke_device(
            connection,
            held.device,
            state=DeviceState.REVOKED,
            now=self._clock(),
            caller=request.caller.path,
            revocation=command.revocation.value,
        )
        certificate = held.certificate
        subjects = (certificate.person_id, certificate.certificate_id, command.device_id)
        self._record(connection, request, subjects, revocation=command.revocation.name)
        revoked = find_device(connection, request.region, command.device_id)
        assert revoked is not None
        return revoked


def _check_is_new(
    connection: sa.Connection, region: str, certificate_id: str, public_key: bytes
) -> None:
    """Refuses a key that was ever enrolled.

    Raises:
        RuleError: DEVICE_EXISTS.
    """
    table = tables.device.c
    query = sa.select(table.device_id, table.certificate_id).where(
        table.region == region, table.public_key == public_key
    )
    known = connection.execute(query).one_or_none()
    if known is not None:
        is_own = known.certificate_id == certificate_id
        raise device_exists(known.device_id if is_own else None)
