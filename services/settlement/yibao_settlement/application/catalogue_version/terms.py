"""Whether codes that visits tell are in the region's dictionaries, where a region asks for it."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.errors import FieldFault
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.care_facts import CareFacts
from yibao_settlement.rules.catalogue_version.row import Layer
from yibao_settlement.rules.catalogue_version.timeline import content_on, timeline_of

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work


class Terms:
    """Looks codes up in dictionaries. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, regions: Collection[str]) -> None:
        """Takes what is read of; `regions` are those that ask for it."""
        self._transactions = transactions
        self._regions = regions

    def asks(self, region: str) -> bool:
        """Tells whether a region has codes looked up."""
        return region in self._regions

    def faults(self, region: str, facts: CareFacts, day: dt.date) -> tuple[FieldFault, ...]:
        """Returns a fault, CATALOGUE_TERM_UNKNOWN, for each code that no dictionary has on a day.

        A dictionary that was never approved has every code.
        """
        told = (
            (
                Layer.DIAGNOSIS,
                [
                    (f"diagnoses[{at}].diagnosis_code", each.diagnosis_code)
                    for at, each in enumerate(facts.diagnoses)
                ],
            ),
            (
                Layer.OPERATION,
                [
                    (f"operations[{at}].operation_code", each.operation_code)
                    for at, each in enumerate(facts.operations)
                ],
            ),
            (
                Layer.CHRONIC_DISEASE,
                [("disease_code", facts.disease_code)] if facts.disease_code else [],
            ),
        )
        with self._transactions.read(region) as work:
            return tuple(
                fault for layer, codes in told for fault in _unknown(work, layer, codes, day)
            )


def _unknown(
    work: "Work", layer: Layer, codes: Sequence[tuple[str, str]], day: dt.date
) -> list[FieldFault]:
    if not codes or not work.catalogue_versions.newest_number(layer):
        return []
    said = work.catalogue_versions.said(layer, {code for _, code in codes})
    return [
        FieldFault(
            field,
            Reason.CATALOGUE_TERM_UNKNOWN,
            f"{code} is not in the dictionary on {day.isoformat()}",
        )
        for field, code in codes
        if content_on(timeline_of(said.get(code, {}).get("", ())), day) is None
    ]
