"""Reading qualifications, what happened to them, and what a region qualifies for."""

import dataclasses
import datetime as dt
from collections.abc import Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_offsite.application.person import all_records
from yibao_offsite.application.qualification.rows import Wanted
from yibao_offsite.rules.qualification.listed import DiseaseList, DiseaseLists
from yibao_offsite.rules.qualification.qualification import (
    Qualification,
    QualificationEvent,
    QualificationState,
    qualification_not_found,
)

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


class QualificationBook:
    """Reads qualifications; an institution is told of its own alone. Blocks."""

    def __init__(
        self, transactions: "Transactions[Work]", lists: DiseaseLists, *, clock: Clock
    ) -> None:
        """Takes what begins transactions, and what regions qualify for."""
        self._transactions = transactions
        self._lists = lists
        self._clock = clock

    def find(
        self, region: str, qualification_id: str, caller: Caller
    ) -> tuple[Qualification, Sequence[QualificationEvent]]:
        """Returns a qualification with what happened to it.

        Raises RuleError QUALIFICATION_NOT_FOUND, also where it is another institution's.
        """
        with self._transactions.read(region) as work:
            found = work.qualifications.find(qualification_id)
            if found is None or caller.institution_id not in (None, found.institution_id):
                raise qualification_not_found(qualification_id)
            events = work.qualifications.events(qualification_id)
        subjects = (found.person_id, qualification_id)
        self._put_on_record(region, "GetQualification", caller, subjects)
        return found, events

    def page(
        self, region: str, wanted: Wanted, caller: Caller, *, after: str | None, limit: int
    ) -> Sequence[Qualification]:
        """Returns at most `limit` qualifications, the one applied for first at the head."""
        if wanted.latest_end_date is not None:
            # What ended before today cannot be renewed any more.
            state = wanted.state or QualificationState.APPROVED
            wanted = dataclasses.replace(wanted, first_end_date=self.today(), state=state)
        if caller.institution_id is not None:
            wanted = dataclasses.replace(wanted, institution_id=caller.institution_id)
        with self._transactions.read(region) as work:
            records = all_records(work.persons, wanted.person_ids)
            wish = dataclasses.replace(wanted, person_ids=records)
            found = work.qualifications.page(wish, after=after, limit=limit)
        self._put_on_record(region, "ListQualifications", caller, wanted.person_ids)
        return found

    def diseases(self, region: str, day: dt.date | None = None) -> DiseaseList:
        """Returns what a region qualifies for on a day, today where none is named."""
        return self._lists.of(region, day or self.today())

    def _put_on_record(
        self, region: str, method: str, caller: Caller, subjects: tuple[str, ...]
    ) -> None:
        """Puts on record who reads of whose health."""
        request = Request(region, "", b"", method, caller)
        entry = entry_of(request, at=self._clock(), subject_ids=subjects)
        self._transactions.change(region, lambda work: work.audit.add(entry))

    def today(self) -> dt.date:
        """Returns the day in Shanghai."""
        return shanghai_day(self._clock())
