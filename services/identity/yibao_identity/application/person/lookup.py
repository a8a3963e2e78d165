"""Persons read by their id, and looked up by a document: that is put on record."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import Caller
from yibao_common.values.clock import Clock
from yibao_identity.application.person.rows import EnrolledPerson, enrolled, find_enrolled
from yibao_identity.rules.document import (
    ShownDocument,
    check_document,
    normalised_document,
    person_key,
)
from yibao_identity.rules.person import person_not_found

if TYPE_CHECKING:
    from yibao_identity.application.work import Work

_SHOWN_FIELDS = ("document.certificate_type", "document.certificate_number")


@dataclass(frozen=True, slots=True)
class SearchPersons:
    """Looks up whom a document names."""

    region: str
    caller: Caller
    document: ShownDocument


class PersonLookups:
    """Reads insured persons. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock

    def find(self, region: str, person_id: str) -> EnrolledPerson:
        """Returns a person; a merged one as what it was. Raises RuleError PERSON_NOT_FOUND."""
        with self._transactions.read(region) as work:
            found = find_enrolled(work, person_id)
        if found is None:
            raise person_not_found(person_id)
        return found

    def search(self, command: SearchPersons) -> EnrolledPerson | None:
        """Returns whom a document names, after the look-up was put on record.

        Of a record that was merged, the one that took its place.

        Raises:
            RuleError: what `rules.document.check_document` refuses; nothing is put on
                record then.
        """
        region, document = command.region, normalised_document(command.document)
        check_document(document.certificate_type, document.certificate_number, fields=_SHOWN_FIELDS)
        with self._transactions.read(region) as work:
            known = work.persons.of_document(person_key(document))
            found = None if known is None else enrolled(work, work.holders.survivor_of(known))
        entry = entry_of(
            Request(region, "", b"", "SearchPersons", command.caller),
            at=self._clock(),
            subject_ids=() if found is None else (found.person.person_id,),
            detail={"found": "0" if found is None else "1"},
        )
        self._transactions.change(region, lambda work: work.audit.add(entry))
        return found
