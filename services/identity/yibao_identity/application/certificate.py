"""E-certificates: activated and closed once by request id, read by id."""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import AuditEntry, entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_common.values.reasons import Reason
from yibao_identity.application.calls import Calls
from yibao_identity.application.device.revocation import revoke_devices_of
from yibao_identity.application.holder import lock_living_person, lock_persons
from yibao_identity.application.relative_code import withdraw_codes_by_certificates
from yibao_identity.rules.certificate import (
    Certificate,
    CertificateState,
    Proofing,
    certificate_not_found,
    check_may_activate,
    close,
    new_subject,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

EncodeCertificate = Callable[[Certificate], bytes]


class CertificateRows(Protocol):
    """E-certificates of a region, as one transaction finds, locks and writes them."""

    def find(self, certificate_id: str) -> Certificate | None:
        """Returns a certificate, or None."""
        ...

    def lock(self, certificate_id: str) -> Certificate | None:
        """Locks a certificate until the transaction ends and returns it, or None."""
        ...

    def among(self, certificate_ids: Collection[str]) -> Mapping[str, Certificate]:
        """Returns those that exist, by their ids."""
        ...

    def of_persons(self, person_ids: Collection[str]) -> Sequence[Certificate]:
        """Returns every certificate of persons, closed ones too, in the order of activation."""
        ...

    def insert(self, certificate: Certificate, proofing: Proofing, *, activated_by: str) -> None:
        """Stores a new certificate with the proof of who activated it."""
        ...

    def close(self, certificate: Certificate, *, closed_by: str) -> None:
        """Stores that a certificate, which was locked, is closed now."""
        ...


@dataclass(frozen=True, slots=True)
class ActivateCertificate:
    """Activates a person's e-certificate."""

    request: Request
    person_id: str
    proofing: Proofing


@dataclass(frozen=True, slots=True)
class CloseCertificate:
    """Closes an e-certificate for good."""

    request: Request
    certificate_id: str


class Certificates:
    """What callers ask of e-certificates. Blocks.

    Each change returns the answer's bytes, once by request id; a holder of another
    certificate is refused with OUT_OF_SCOPE, on record.
    """

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        clock: Clock,
        ids: Ids,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes what begins transactions, and the source of subjects."""
        self._transactions = transactions
        self._calls = Calls(transactions, clock=clock)
        self._clock = clock
        self._ids = ids
        self._random_bytes = random_bytes

    def activate(self, command: ActivateCertificate, encode: EncodeCertificate) -> bytes:
        """Activates a certificate once by request id and returns the answer's bytes.

        Raises:
            RuleError: PERSON_NOT_FOUND, PERSON_MERGED, PERSON_DECEASED,
                CERTIFICATE_EXISTS, ECERT_SUSPENDED, REQUEST_ID_REUSED; in this order, but
                the last one first.
        """
        return self._calls.answer(
            command.request, lambda work: encode(self._activate(work, command))
        )

    def close(self, command: CloseCertificate, encode: EncodeCertificate) -> bytes:
        """Closes a certificate and revokes its devices, once by request id.

        Raises:
            RuleError: OUT_OF_SCOPE, CERTIFICATE_NOT_FOUND, REQUEST_ID_REUSED.
        """
        return self._calls.answer(command.request, lambda work: encode(self._close(work, command)))

    def find(self, region: str, certificate_id: str) -> Certificate:
        """Returns a certificate. Raises RuleError CERTIFICATE_NOT_FOUND."""
        with self._transactions.read(region) as work:
            return find_certificate(work, certificate_id)

    def record_foreign(
        self, caller: Caller, *, method: str, region: str, certificate_id: str
    ) -> None:
        """Puts on record that a holder asked for another's certificate and was refused."""
        outcome = Reason.OUT_OF_SCOPE.name
        now = self._clock()
        entry = AuditEntry(region, now, caller.path, method, (certificate_id,), outcome, {}, "")
        self._transactions.change(region, lambda work: work.audit.add(entry))

    def _activate(self, work: "Work", command: ActivateCertificate) -> Certificate:
        request, now = command.request, self._clock()
        person_id = command.person_id
        lock_living_person(work.holders, person_id)
        # Under the person's lock nobody activates, closes or suspends meanwhile.
        check_may_activate(work.certificates.of_persons(work.holders.records_of(person_id)))
        certificate = Certificate(
            request.region,
            self._ids(),
            person_id,
            new_subject(self._random_bytes),
            CertificateState.ACTIVE,
            now,
        )
        work.certificates.insert(certificate, command.proofing, activated_by=request.caller.path)
        work.feed.tell([person_id], at=now, caller=request.caller.path)
        subjects = (person_id, certificate.certificate_id)
        self._record(work, request, subjects, proof=command.proofing.method.name)
        return certificate

    def _close(self, work: "Work", command: CloseCertificate) -> Certificate:
        request, now = command.request, self._clock()
        request.caller.require_certificate(command.certificate_id)
        certificate = lock_certificate(work, command.certificate_id)
        if certificate.state is CertificateState.CLOSED:
            return certificate
        caller, person_id = request.caller.path, certificate.person_id
        closed = close_certificate(work, certificate, at=now, caller=caller)
        work.feed.tell([person_id], at=now, caller=caller)
        self._record(work, request, (person_id, certificate.certificate_id))
        return closed

    def _record(
        self, work: "Work", request: Request, subjects: tuple[str, ...], **detail: str
    ) -> None:
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)


def find_certificate(work: "Work", certificate_id: str) -> Certificate:
    """Returns a certificate. Raises RuleError CERTIFICATE_NOT_FOUND."""
    found = work.certificates.find(certificate_id)
    if found is None:
        raise certificate_not_found(certificate_id)
    return found


def lock_certificate(work: "Work", certificate_id: str) -> Certificate:
    """Locks the holder's row, then the certificate's, until the transaction ends.

    Whose certificate it is never changes, so it is read before there is any lock.

    Raises:
        RuleError: CERTIFICATE_NOT_FOUND.
    """
    read = find_certificate(work, certificate_id)
    lock_persons(work.holders, [read.person_id])
    held = work.certificates.lock(certificate_id)
    assert held is not None, "a certificate is never deleted"
    return held


def close_certificate(
    work: "Work", certificate: Certificate, *, at: dt.datetime, caller: str
) -> Certificate:
    """Closes a certificate whose row is locked, revokes its devices, withdraws what it showed."""
    closed, certificate_id = close(certificate, now=at), certificate.certificate_id
    work.certificates.close(closed, closed_by=caller)
    revoke_devices_of(work, certificate_id, at=at, caller=caller)
    withdraw_codes_by_certificates(
        work, certificate.person_id, [certificate_id], at=at, caller=caller
    )
    return closed


def close_certificates_of(
    work: "Work", person_id: str, *, at: dt.datetime, caller: str
) -> list[str]:
    """Closes the certificate of a person whose row is locked, where one stands.

    Returns the ids of what it closed. For merges and deaths, which tell settlement and the audit.
    """
    closed = []
    for read in work.certificates.of_persons([person_id]):
        if read.state is not CertificateState.CLOSED:
            certificate = work.certificates.lock(read.certificate_id)
            assert certificate is not None, "a certificate is never deleted"
            close_certificate(work, certificate, at=at, caller=caller)
            closed.append(certificate.certificate_id)
    return closed
