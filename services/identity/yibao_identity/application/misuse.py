"""Cases of suspected misuse: reported, decided, read."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.calls import Calls
from yibao_identity.application.device.revocation import withdraw_certificates_of
from yibao_identity.application.holder import lock_survivor
from yibao_identity.application.relative import beneficiaries_of
from yibao_identity.application.relative_code import withdraw_codes_by_certificates
from yibao_identity.rules.card import card_suspended
from yibao_identity.rules.certificate import ecert_suspended
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.misuse import (
    CaseCredential,
    CaseState,
    MisuseCase,
    Suspicion,
    case_not_found,
    case_that_takes_over,
    credential_not_found,
    first_case,
    lift,
    suspend,
    to_mark,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

EncodeCase = Callable[[MisuseCase], bytes]


class CaseRows(Protocol):
    """Cases of a region, as one transaction finds, locks and writes them."""

    def find(self, case_id: str) -> MisuseCase | None:
        """Returns a case, or None."""
        ...

    def lock(self, case_id: str) -> MisuseCase | None:
        """Locks a case until the transaction ends and returns it, or None."""
        ...

    def newest(
        self, *, state: CaseState | None, before_case_id: str, limit: int
    ) -> Sequence[MisuseCase]:
        """Returns the newest cases, those before `before_case_id` where it is not empty."""
        ...

    def insert(self, case: MisuseCase) -> None:
        """Stores a new case."""
        ...

    def decide(self, case: MisuseCase) -> None:
        """Stores what was decided of a case that was locked."""
        ...


class SuspensionRows(Protocol):
    """Cards and e-certificates of a region, and which case suspends each."""

    def find(self, subject: str) -> CaseCredential | None:
        """Returns the credential that a subject is of, or None."""
        ...

    def of_persons(
        self, kind: CredentialKind, person_ids: Collection[str]
    ) -> Sequence[CaseCredential]:
        """Returns all that persons have or had of a kind, in the order of their ids."""
        ...

    def lock(self, kind: CredentialKind, person_ids: Collection[str]) -> Sequence[CaseCredential]:
        """Locks all that persons have or had of a kind, in the order of their ids."""
        ...

    def mark(self, credential: CaseCredential, case_id: str | None) -> None:
        """Stores which case suspends a credential that was locked, or that none does."""
        ...


@dataclass(frozen=True, slots=True)
class ReportMisuse:
    """Reports what was seen of the credential `subject`."""

    request: Request
    subject: str
    suspicion: Suspicion


@dataclass(frozen=True, slots=True)
class DecideCase:
    """Suspends the credential of a case, or closes the case."""

    request: Request
    case_id: str
    note: str


@dataclass(frozen=True, slots=True)
class _Held:
    """A case whose row is locked, as are its holder's and all credentials it may be about.

    `holder_id` is the record that stays, where that of the report was merged. `credentials`
    are those of the kind, of the holder and of every record merged into the holder's.
    """

    case: MisuseCase
    holder_id: str
    credentials: Sequence[CaseCredential]

    @property
    def own(self) -> CaseCredential:
        """The credential that the case is about. Raises RuleError CREDENTIAL_NOT_FOUND."""
        for each in self.credentials:
            if each.subject == self.case.subject:
                return each
        raise credential_not_found(self.case.subject)

    @property
    def of_holder(self) -> Sequence[CaseCredential]:
        """The credentials of the holder alone."""
        return [each for each in self.credentials if each.person_id == self.holder_id]


class MisuseCases:
    """What callers ask of cases. Blocks.

    Each change returns the answer's bytes, once by request id.
    """

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._calls = Calls(transactions, clock=clock)
        self._clock = clock
        self._ids = ids

    def report(self, command: ReportMisuse, encode: EncodeCase) -> bytes:
        """Opens a case; the credential goes on working.

        Raises:
            RuleError: CREDENTIAL_NOT_FOUND, REQUEST_ID_REUSED.
        """
        return self._calls.answer(command.request, lambda work: encode(self._report(work, command)))

    def suspend(self, command: DecideCase, encode: EncodeCase) -> bytes:
        """Suspends the credential of a case.

        Raises:
            RuleError: MISUSE_CASE_NOT_FOUND, MISUSE_CASE_STATE, CREDENTIAL_NOT_FOUND,
                MISUSE_CASE_STATE of another case that suspends it, REQUEST_ID_REUSED.
        """
        return self._calls.answer(
            command.request, lambda work: encode(self._suspend(work, command))
        )

    def lift(self, command: DecideCase, encode: EncodeCase) -> bytes:
        """Closes a case, and lifts its suspension if there is one.

        Raises:
            RuleError: MISUSE_CASE_NOT_FOUND, MISUSE_CASE_STATE, SAME_MAKER_AND_CHECKER,
                REQUEST_ID_REUSED.
        """
        return self._calls.answer(command.request, lambda work: encode(self._lift(work, command)))

    def find(self, region: str, case_id: str) -> MisuseCase:
        """Returns a case. Raises RuleError MISUSE_CASE_NOT_FOUND."""
        with self._transactions.read(region) as work:
            return _find_case(work, case_id)

    def list(
        self, region: str, *, state: CaseState | None, before_case_id: str, limit: int
    ) -> Sequence[MisuseCase]:
        """Returns the newest cases, those before `before_case_id` where it is not empty."""
        with self._transactions.read(region) as work:
            return work.cases.newest(state=state, before_case_id=before_case_id, limit=limit)

    def _report(self, work: "Work", command: ReportMisuse) -> MisuseCase:
        request = command.request
        credential = work.suspensions.find(command.subject)
        if credential is None:
            raise credential_not_found(command.subject)
        case = MisuseCase(
            request.region,
            self._ids(),
            credential.person_id,
            command.subject,
            command.suspicion,
            CaseState.REPORTED,
            request.caller.path,
            self._clock(),
        )
        work.cases.insert(case)
        subjects = (case.person_id, credential.credential_id, case.case_id)
        self._record(work, request, subjects, kind=command.suspicion.kind.name)
        return case

    def _suspend(self, work: "Work", command: DecideCase) -> MisuseCase:
        request, now = command.request, self._clock()
        held = _hold(work, command.case_id)
        case = suspend(held.case, operator=request.caller.path, now=now, note=command.note)
        own = held.own
        # Whoever closed the credential after the report has another one by now, perhaps, and
        # whose record was merged since has one in the record that stays.
        marked = to_mark(own, held.of_holder)
        work.cases.decide(case)
        for each in marked:
            work.suspensions.mark(each, case.case_id)
            if each.kind is CredentialKind.ECERT:
                # The phones stay enrolled: once it is lifted they renew and work again.
                withdraw_certificates_of(work, each.credential_id, at=now)
        if own.kind is CredentialKind.ECERT:
            withdraw_codes_by_certificates(
                work,
                held.holder_id,
                [each.credential_id for each in marked],
                at=now,
                caller=request.caller.path,
            )
        self._tell(work, command, held, own)
        return case

    def _lift(self, work: "Work", command: DecideCase) -> MisuseCase:
        request, now = command.request, self._clock()
        held = _hold(work, command.case_id)
        case = lift(held.case, operator=request.caller.path, now=now, note=command.note)
        work.cases.decide(case)
        if held.case.state is not CaseState.SUSPENDED:
            self._record(work, request, (case.person_id, case.case_id), lifted="0")
            return case
        own = held.own
        assert own.suspension_case_id == case.case_id, own
        for each in held.credentials:
            if each.suspension_case_id == case.case_id:
                work.suspensions.mark(each, case_that_takes_over(each, held.credentials))
        self._tell(work, command, held, own)
        return case

    def _tell(
        self, work: "Work", command: DecideCase, held: _Held, credential: CaseCredential
    ) -> None:
        """Tells settlement and the audit of what a credential may do from now on."""
        caller, case = command.request.caller.path, held.case
        # One id, or two where the record was merged.
        person_ids = sorted({case.person_id, held.holder_id})
        beneficiaries = beneficiaries_of(work, held.holder_id)
        work.feed.tell({*person_ids, *beneficiaries}, at=self._clock(), caller=caller)
        subjects = (*person_ids, credential.credential_id, case.case_id)
        self._record(work, command.request, subjects)

    def _record(
        self, work: "Work", request: Request, subjects: tuple[str, ...], **detail: str
    ) -> None:
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)


def check_none_suspended(work: "Work", *person_ids: str) -> None:
    """Refuses to end records of persons, who are locked, with a suspended credential.

    The credentials of the record that stays would be a way around the suspension (I-04).
    Those of records that were merged into them before count as well.

    Raises:
        RuleError: ECERT_SUSPENDED, CARD_SUSPENDED; it may be closed, but its case is not.
    """
    records = [record for each in person_ids for record in work.holders.records_of(each)]
    for kind, refusal in (
        (CredentialKind.ECERT, ecert_suspended),
        (CredentialKind.CARD, card_suspended),
    ):
        case_id = first_case(work.suspensions.of_persons(kind, records))
        if case_id is not None:
            raise refusal(case_id)


def _find_case(work: "Work", case_id: str) -> MisuseCase:
    found = work.cases.find(case_id)
    if found is None:
        raise case_not_found(case_id)
    return found


def _hold(work: "Work", case_id: str) -> _Held:
    """Locks the holder's row, the credentials of the kind that it is about, and the case.

    Raises:
        RuleError: MISUSE_CASE_NOT_FOUND.
    """
    # Whom and what it is about never changes, so both are read before there is any lock.
    read = _find_case(work, case_id)
    subject = work.suspensions.find(read.subject)
    holder_id = lock_survivor(work.holders, read.person_id)
    credentials: Sequence[CaseCredential] = ()
    if subject is not None:
        credentials = work.suspensions.lock(subject.kind, work.holders.records_of(holder_id))
    case = work.cases.lock(case_id)
    assert case is not None, "a case is never deleted"
    return _Held(case, holder_id, credentials)
