"""Phones of holders: enrolled on a proof, renewed, revoked, read."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import OK, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller, Role
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_identity.application.calls import Calls
from yibao_identity.application.certificate import find_certificate, lock_certificate
from yibao_identity.application.device.certifier import DeviceCertifier
from yibao_identity.application.device.challenge import Challenges
from yibao_identity.application.device.command import (
    Challenge,
    EnrolDevice,
    EnrolledDevice,
    RenewDeviceCertificate,
    RevokeDevice,
    SignedCertificate,
)
from yibao_identity.application.device.proof import DeviceKeys, check_enrolment, check_key
from yibao_identity.application.device.renewal import HeldDevice, Renewals, lock_device
from yibao_identity.application.device.revocation import revoke_device
from yibao_identity.rules.certificate import check_may_issue
from yibao_identity.rules.device import (
    Device,
    DevicePolicy,
    DeviceState,
    check_algorithm,
    check_may_enrol,
    check_new,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_MOST_LISTED = 100
# Somebody may be trying a key that is not theirs.
_PROOF_INVALID = frozenset({Reason.DEVICE_PROOF_INVALID})


class DeviceAlarms(Protocol):
    """Is told of every key that was found in two places, for metrics and logs."""

    def raised(self, region: str, device_id: str) -> None:
        """Takes the device; its alarm is stored by now."""
        ...


class Devices:
    """What callers ask of phones. Blocks.

    Each change returns the answer's bytes, once by request id; another holder's device is
    refused with OUT_OF_SCOPE, on record, and so is what proves nothing.
    """

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        keys: DeviceKeys,
        challenges: Challenges,
        certifier: DeviceCertifier,
        policy: DevicePolicy,
        alarms: DeviceAlarms,
        clock: Clock,
        ids: Ids,
    ) -> None:
        """Takes what checks and certifies keys, and who is told of alarms."""
        self._transactions = transactions
        self._calls = Calls(transactions, clock=clock)
        self._keys = keys
        self._challenges = challenges
        self._certifier = certifier
        self._renewals = Renewals(keys, challenges, certifier, ids=ids)
        self._policy = policy
        self._alarms = alarms
        self._clock = clock
        self._ids = ids

    def challenge(self, region: str, certificate_id: str) -> Challenge:
        """Returns what a device's key has to sign; stores nothing.

        Raises:
            RuleError: CERTIFICATE_NOT_FOUND, ECERT_NOT_ACTIVATED, ECERT_SUSPENDED.
        """
        with self._transactions.read(region) as work:
            certificate = find_certificate(work, certificate_id)
        check_may_issue(certificate)
        return self._challenges.make(region, certificate_id)

    def enrol(self, command: EnrolDevice, encode: Callable[[EnrolledDevice], bytes]) -> bytes:
        """Enrols a phone and certifies its key.

        Raises:
            RuleError: OUT_OF_SCOPE, DEVICE_KEY_REFUSED, DEVICE_CHALLENGE_INVALID,
                DEVICE_PROOF_INVALID, CERTIFICATE_NOT_FOUND, ECERT_NOT_ACTIVATED,
                ECERT_SUSPENDED, DEVICE_EXISTS, DEVICE_LIMIT, REQUEST_ID_REUSED; in this
                order, but the last one first.
        """
        request, certificate_id = command.request, command.certificate_id
        # A refusal that another holder gets is told of without the certificate.
        about = () if _is_of_another(request.caller, certificate_id) else (certificate_id,)
        return self._calls.answer(
            request,
            lambda work: self._enrol(work, command, encode),
            about=about,
            audited=_PROOF_INVALID,
        )

    def renew(
        self, command: RenewDeviceCertificate, encode: Callable[[SignedCertificate], bytes]
    ) -> bytes:
        """Certifies an enrolled key anew.

        Raises:
            RuleError: what `Renewals.renew` raises; DEVICE_CLONE_SUSPECTED (the device is
                revoked by then); REQUEST_ID_REUSED.
        """
        request, is_alarm = command.request, False

        def decide(work: "Work") -> bytes | RuleError:
            nonlocal is_alarm
            outcome = self._renew(work, command, encode)
            is_alarm = isinstance(outcome, RuleError)
            return outcome

        try:
            return self._calls.answer_counted(
                request, decide, about=(command.device_id,), audited=_PROOF_INVALID
            )
        except RuleError as refusal:
            # The same request sent again is told the same, and is no other alarm.
            if is_alarm and refusal.reason is Reason.DEVICE_CLONE_SUSPECTED:
                self._alarms.raised(request.region, command.device_id)
            raise

    def revoke(self, command: RevokeDevice, encode: Callable[[Device], bytes]) -> bytes:
        """Revokes a device and its certificates; one revoked before stays as it is.

        Raises:
            RuleError: DEVICE_NOT_FOUND, OUT_OF_SCOPE, REQUEST_ID_REUSED.
        """
        return self._calls.answer(command.request, lambda work: encode(self._revoke(work, command)))

    def list(self, region: str, certificate_id: str) -> Sequence[Device]:
        """Returns the newest devices of a certificate, revoked ones too.

        Raises:
            RuleError: CERTIFICATE_NOT_FOUND.
        """
        with self._transactions.read(region) as work:
            find_certificate(work, certificate_id)
            return work.devices.of_certificate(certificate_id, most=_MOST_LISTED)

    def _enrol(
        self, work: "Work", command: EnrolDevice, encode: Callable[[EnrolledDevice], bytes]
    ) -> bytes:
        request, now = command.request, self._clock()
        certificate_id, public_key = command.certificate_id, command.public_key
        request.caller.require_certificate(certificate_id)
        check_algorithm(command.algorithm, self._policy)
        check_key(self._keys, command.algorithm, public_key)
        self._challenges.check(request.region, certificate_id, command.challenge)
        check_enrolment(
            self._keys,
            command.algorithm,
            public_key,
            challenge=command.challenge,
            signature=command.signature,
        )
        certificate = lock_certificate(work, certificate_id)
        check_may_issue(certificate)
        check_new(work.devices.with_key(public_key), certificate_id)
        check_may_enrol(work.devices.count_active(certificate_id), self._policy)
        device_id = self._ids()
        signed = self._certifier.certify(
            work.device_certificates,
            certificate,
            device_id=device_id,
            public_key=public_key,
            now=now,
        )
        device = Device(
            request.region,
            device_id,
            certificate_id,
            command.device_name,
            command.algorithm,
            public_key,
            DeviceState.ACTIVE,
            signed.facts.device_certificate_id,
            now,
        )
        work.devices.insert(
            device,
            signed.facts.place,
            attestation=command.attestation,
            enrolled_by=request.caller.path,
        )
        response = encode(EnrolledDevice(device, signed))
        subjects = (certificate.person_id, certificate_id, device_id)
        self._record(work, request, subjects, algorithm=command.algorithm.name)
        return response

    def _renew(
        self,
        work: "Work",
        command: RenewDeviceCertificate,
        encode: Callable[[SignedCertificate], bytes],
    ) -> bytes | RuleError:
        renewal = self._renewals.renew(work, command, now=self._clock())
        outcome, subjects = renewal.outcome, renewal.held.subject_ids
        if isinstance(outcome, RuleError):
            self._tell(work, command.request, renewal.held)
            self._record(work, command.request, subjects, outcome=outcome.reason.name)
            return outcome
        response = encode(outcome)
        self._record(work, command.request, subjects)
        return response

    def _revoke(self, work: "Work", command: RevokeDevice) -> Device:
        request = command.request
        held = lock_device(work, command.device_id, caller=request.caller)
        if held.device.state is not DeviceState.ACTIVE:
            return held.device
        revoked = revoke_device(
            work,
            held.device,
            state=DeviceState.REVOKED,
            at=self._clock(),
            caller=request.caller.path,
            revocation=command.revocation,
        )
        self._tell(work, request, held)
        self._record(work, request, held.subject_ids, revocation=command.revocation.name)
        return revoked

    def _tell(self, work: "Work", request: Request, held: HeldDevice) -> None:
        """Tells settlement of a revocation: the status lists would be later."""
        person_ids = [held.certificate.person_id]
        work.feed.tell(person_ids, at=self._clock(), caller=request.caller.path)

    def _record(
        self,
        work: "Work",
        request: Request,
        subjects: tuple[str, ...],
        *,
        outcome: str = OK,
        **detail: str,
    ) -> None:
        entry = entry_of(
            request, at=self._clock(), subject_ids=subjects, outcome=outcome, detail=detail
        )
        work.audit.add(entry)


def _is_of_another(caller: Caller, certificate_id: str) -> bool:
    return caller.role is Role.HOLDER and caller.id != certificate_id
