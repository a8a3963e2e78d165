"""Suspected misuse of a card or e-certificate, and its suspension (I-03, I-04).

    reported -> suspended -> closed
    reported --------------> closed

A report alone changes nothing for the holder. The operator who suspends does not lift it.
"""

import datetime as dt
import enum
from dataclasses import dataclass, replace

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason


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
    if case.state is CaseState.SUSPENDED and case.suspended_by == operator:
        raise RuleError(Reason.SAME_MAKER_AND_CHECKER, "the operator who suspended may not lift it")
    return replace(
        case, state=CaseState.CLOSED, decider=operator, decide_time=now, decision_note=note
    )


def suspended_elsewhere(case_id: str) -> RuleError:
    """Returns the refusal to suspend what another case suspends already."""
    return _wrong_state(case_id, CaseState.SUSPENDED)


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
