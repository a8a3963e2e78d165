"""Suspected misuse of a card or e-certificate, and its suspension (I-03, I-04).

    reported -> suspended -> closed
    reported --------------> closed

A report alone changes nothing for the holder. The operator who suspends does not lift it.

A case suspends the credential that it is about. Where that one has ended, it also holds
what stands in its place: what the holder got since, or has in the record that stays after
a merge. A credential bears the mark of one case. Another case that holds it as well takes
over when that one is lifted, so that it is free only when no case holds it any more.
"""

import datetime as dt
import enum
from collections.abc import Collection
from dataclasses import dataclass, replace

from yibao_common.values.caller import is_same_operator
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules import card as card_rules
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialKind


class MisuseKind(enum.Enum):
    """What is suspected."""

    LENT = 1
    COPIED = 2
    FRAUD = 3
    OTHER = 4


class CaseState(enum.Enum):
    """Where a case is in its life."""

    REPORTED = 1
    SUSPENDED = 2
    CLOSED = 3


@dataclass(frozen=True, slots=True)
class Suspicion:
    """What a reporter saw, and under which reference the evidence is kept."""

    kind: MisuseKind
    description: str
    evidence_reference: str


@dataclass(frozen=True, slots=True)
class MisuseCase:
    """A case about the credential `subject`; operators are paths of callers.

    `suspended_by` is empty where it never suspended anything, `decider` before a decision.
    """

    region: str
    case_id: str
    person_id: str
    subject: str
    suspicion: Suspicion
    state: CaseState
    reporter: str
    report_time: dt.datetime
    suspended_by: str = ""
    decider: str = ""
    decide_time: dt.datetime | None = None
    decision_note: str = ""


@dataclass(frozen=True, slots=True)
class CaseCredential:
    """A card or e-certificate as a case sees it; `credential_id` is its own id.

    `state` is as stored: a suspension lies beside it, as the id of the case that marks it.
    """

    kind: CredentialKind
    credential_id: str
    person_id: str
    subject: str
    state: CardState | CertificateState
    suspension_case_id: str | None

    @property
    def is_standing(self) -> bool:
        """Whether it has not ended; a lost card stands until it is replaced or closed."""
        if isinstance(self.state, CardState):
            return card_rules.is_standing(self.state)
        return self.state is not CertificateState.CLOSED


def to_mark(own: CaseCredential, of_holder: Collection[CaseCredential]) -> list[CaseCredential]:
    """Returns what a case about `own` marks: that one, and what stands in its place.

    `of_holder` are all credentials of its kind that the holder has. One that another case
    has marked keeps that mark.

    Raises:
        RuleError: MISUSE_CASE_STATE; another case suspends `own` already.
    """
    if own.suspension_case_id is not None:
        raise _wrong_state(own.suspension_case_id, CaseState.SUSPENDED)
    standing = [each for each in of_holder if each.is_standing]
    if any(each.credential_id == own.credential_id for each in standing):
        return [own]
    return [own, *(each for each in standing if each.suspension_case_id is None)]


def case_that_takes_over(
    freed: CaseCredential, of_records: Collection[CaseCredential]
) -> str | None:
    """Returns the case that holds a credential as well as the one that marks it, or None.

    Any case about a credential that has ended holds what stands in its place. `of_records`
    are all credentials of its kind of the holder and of records merged into the holder's.
    """
    if not freed.is_standing:
        return None
    marks = {each.suspension_case_id for each in of_records if not each.is_standing}
    # The oldest one, for ids rise with time.
    return min(
        (case_id for case_id in marks - {freed.suspension_case_id} if case_id is not None),
        default=None,
    )


def first_case(credentials: Collection[CaseCredential]) -> str | None:
    """Returns the oldest case that suspends one of `credentials`, ended or not, or None."""
    marks = (each.suspension_case_id for each in credentials)
    return min((case_id for case_id in marks if case_id is not None), default=None)


def suspend(case: MisuseCase, *, operator: str, now: dt.datetime, note: str) -> MisuseCase:
    """Returns the case as suspended by `operator`.

    Raises:
        RuleError: MISUSE_CASE_STATE; it is suspended or closed already.
    """
    if case.state is not CaseState.REPORTED:
        raise _wrong_state(case.case_id, case.state)
    return replace(
        case,
        state=CaseState.SUSPENDED,
        suspended_by=operator,
        decider=operator,
        decide_time=now,
        decision_note=note,
    )


def lift(case: MisuseCase, *, operator: str, now: dt.datetime, note: str) -> MisuseCase:
    """Returns the case as closed by `operator`, another than who suspended.

    Raises:
        RuleError: MISUSE_CASE_STATE, it is closed already; SAME_MAKER_AND_CHECKER.
    """
    if case.state is CaseState.CLOSED:
        raise _wrong_state(case.case_id, case.state)
    if case.state is CaseState.SUSPENDED and is_same_operator(case.suspended_by, operator):
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "the operator who suspended may not lift it")
    return replace(
        case, state=CaseState.CLOSED, decider=operator, decide_time=now, decision_note=note
    )


def case_not_found(case_id: str) -> RuleError:
    """Returns the refusal of an unknown case."""
    return RuleError(
        Reason.MISUSE_CASE_NOT_FOUND, f"case {case_id} does not exist", case_id=case_id
    )


def credential_not_found(subject: str) -> RuleError:
    """Returns the refusal of a subject that no card and no e-certificate has."""
    return RuleError(
        Reason.CREDENTIAL_NOT_FOUND, f"no credential has subject {subject}", subject=subject
    )


def _wrong_state(case_id: str, state: CaseState) -> RuleError:
    return RuleError(
        Reason.MISUSE_CASE_STATE,
        f"case {case_id} is {state.name.lower()}",
        case_id=case_id,
        state=state.name,
    )
