"""What a batch knows of care elsewhere: places, registrations, holds of audits."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, TypeAlias

from yibao_common.values.errors import RuleError
from yibao_settlement.application.reference import Reference
from yibao_settlement.rules.elsewhere.registered import AuditHold, KnownCare, RegisteredCare

# What an attestation that a request carries states, its refusal, or None without one.
AttestationTold: TypeAlias = RegisteredCare | RuleError | None


class DeemedRegistration(NamedTuple):
    """An emergency that counts as registered, which offsite is told of."""

    visit_id: str
    person_id: str
    institution_id: str
    treatment_region: str
    start_date: dt.date
    create_time: dt.datetime


@dataclass(slots=True)
class CareElsewhere:
    """Regions of treatment with their reference data, registrations and audits.

    Of a batch without visits elsewhere it is empty but for the holds of audits.
    """

    # By institution that another region's persons are treated at.
    places: dict[str, tuple[str, Reference]] = field(default_factory=dict)
    # By person; those whom visits elsewhere are of.
    registered: dict[str, list[RegisteredCare]] = field(default_factory=dict)
    # By visit; those that stand.
    audit_holds: dict[str, list[AuditHold]] = field(default_factory=dict)
    # By visit; of emergencies that offsite has on record.
    deemed_ids: dict[str, str] = field(default_factory=dict)
    # When all that offsite had of the region was known last.
    news_time: dt.datetime | None = None
    deemed: list[DeemedRegistration] = field(default_factory=list)
    # Registrations that attestations told of first.
    attested: list[RegisteredCare] = field(default_factory=list)

    def of(self, *person_ids: str) -> Sequence[RegisteredCare]:
        """Returns the registrations of a person, under all records that were merged."""
        return [
            each for person_id in set(person_ids) for each in self.registered.get(person_id, ())
        ]

    def known(self, visit_id: str, *person_ids: str, now: dt.datetime) -> KnownCare:
        """Returns what is known for a visit of a person, under all records that were merged."""
        deemed_id = self.deemed_ids.get(visit_id)
        return KnownCare.as_of(now, self.of(*person_ids), deemed_id, self.news_time)

    def reference_of(self, institution_id: str) -> Reference | None:
        """Returns what another region says of its institution; None of the own region's."""
        found = self.places.get(institution_id)
        return None if found is None else found[1]

    def held(self, visit_id: str) -> Sequence[AuditHold]:
        """Returns the holds of a visit that stand."""
        return self.audit_holds.get(visit_id, ())

    def attest(self, told: RegisteredCare) -> None:
        """Keeps what an attestation tells of a registration that is not known."""
        known = self.registered.setdefault(told.person_id, [])
        if all(each.registration_id != told.registration_id for each in known):
            known.append(told)
            self.attested.append(told)
