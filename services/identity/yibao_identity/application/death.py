"""Deaths: recorded with date and evidence, and revoked where the report was wrong (I-31).

Whoever is told of a death, by whichever call, ends all that the person could use in one
transaction: cards, the e-certificate with its phones, links to relatives. Cover ends with
that day for everybody who reads it; the periods themselves stay as they were recorded.
"""

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_identity.application.card.ending import close_cards_of
from yibao_identity.application.certificate import close_certificates_of
from yibao_identity.application.holder import LockedPerson, lock_live_person
from yibao_identity.application.person.rows import EncodePerson, EnrolledPerson, enrolled
from yibao_identity.application.relative import end_links_of
from yibao_identity.rules.card import CardClosing
from yibao_identity.rules.death import (
    Death,
    check_alive,
    check_death_date,
    death_not_found,
    revoke,
)

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


class DeathRows(Protocol):
    """Deaths in a region; to write them, the person has to be locked."""

    def standing(self, person_id: str) -> Death | None:
        """Returns the report that stands of a person, or None."""
        ...

    def insert(self, death: Death) -> None:
        """Stores a report, and the day with the person."""
        ...

    def revoke(self, death: Death) -> None:
        """Stores that a report was wrong, and takes the day from the person."""
        ...


@dataclass(frozen=True, slots=True)
class Report:
    """What is told of a death."""

    death_date: dt.date
    evidence_reference: str


@dataclass(frozen=True, slots=True)
class RecordDeath:
    """Records the death of a person."""

    request: Request
    person_id: str
    report: Report


@dataclass(frozen=True, slots=True)
class RevokeDeath:
    """Takes back a report that was wrong."""

    request: Request
    person_id: str
    explanation: str


class Deaths:
    """Records and revokes deaths. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def record(self, command: RecordDeath, encode: EncodePerson) -> bytes:
        """Records a death once by request id and returns the answer's bytes.

        Raises:
            RuleError: PERSON_NOT_FOUND, PERSON_MERGED, PERSON_DECEASED, FIELD_OUT_OF_RANGE,
                REQUEST_ID_REUSED; in this order, but the last one first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._record(work, command))
        )

    def revoke(self, command: RevokeDeath, encode: EncodePerson) -> bytes:
        """Revokes a death once by request id; what it ended stays ended.

        Raises:
            RuleError: PERSON_NOT_FOUND, PERSON_MERGED, DEATH_NOT_FOUND,
                SAME_MAKER_AND_CHECKER, REQUEST_ID_REUSED; in this order, but the last one
                first.
        """
        return self._transactions.once(
            command.request, lambda work: encode(self._revoke(work, command))
        )

    def _record(self, work: "Work", command: RecordDeath) -> EnrolledPerson:
        request = command.request
        locked = lock_live_person(work.holders, command.person_id)
        record_death(work, request, locked, command.report, at=self._clock(), ids=self._ids)
        detail = detail_of(command.report)
        subjects = (command.person_id,)
        entry = entry_of(request, at=self._clock(), subject_ids=subjects, detail=detail)
        work.audit.add(entry)
        return enrolled(work, command.person_id)

    def _revoke(self, work: "Work", command: RevokeDeath) -> EnrolledPerson:
        request, now, person_id = command.request, self._clock(), command.person_id
        lock_live_person(work.holders, person_id)
        death = work.deaths.standing(person_id)
        if death is None:
            raise death_not_found(person_id)
        operator, explanation = request.caller.path, command.explanation
        work.deaths.revoke(revoke(death, operator=operator, now=now, explanation=explanation))
        work.feed.tell([person_id], at=now, caller=operator)
        detail = {
            "death_date": death.death_date.isoformat(),
            "maker": death.recorded_by,
            "checker": operator,
            "explanation": explanation,
        }
        entry = entry_of(request, at=self._clock(), subject_ids=(person_id,), detail=detail)
        work.audit.add(entry)
        return enrolled(work, person_id)


def record_death(
    work: "Work",
    request: Request,
    locked: LockedPerson,
    report: Report,
    *,
    at: dt.datetime,
    ids: Ids,
) -> None:
    """Stores the death of a person who is locked and in use, ends all, tells settlement.

    The audit is the caller's.

    Raises:
        RuleError: PERSON_DECEASED, FIELD_OUT_OF_RANGE.
    """
    check_alive(locked.death_date)
    today = shanghai_day(at)
    check_death_date(report.death_date, birth_date=locked.birth_date, today=today)
    caller = request.caller.path
    death = Death(
        request.region,
        ids(),
        locked.person_id,
        report.death_date,
        report.evidence_reference,
        caller,
        at,
    )
    work.deaths.insert(death)
    beneficiaries = end_life(work, locked.person_id, at=at, caller=caller)
    work.feed.tell({locked.person_id} | beneficiaries, at=at, caller=caller)


def end_life(work: "Work", person_id: str, *, at: dt.datetime, caller: str) -> set[str]:
    """Ends cards, e-certificate, phones and links of a person whose row is locked.

    Returns of whom else settlement has to be told: who may no longer let the account pay.
    """
    close_cards_of(work, person_id, at=at, caller=caller, closing=CardClosing.HOLDER_DIED)
    close_certificates_of(work, person_id, at=at, caller=caller)
    return end_links_of(work, person_id, at=at, caller=caller)


def detail_of(report: Report) -> dict[str, str]:
    """Returns what the audit tells of a report."""
    return {
        "death_date": report.death_date.isoformat(),
        "evidence": report.evidence_reference,
    }
