"""Where care is taken, and on which terms, for what a batch decides."""

import datetime as dt
from typing import NamedTuple

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.elsewhere.state import AttestationTold, DeemedRegistration
from yibao_settlement.application.elsewhere.visit import on_terms
from yibao_settlement.application.reference import Reference
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.elsewhere.attested import standing_care
from yibao_settlement.rules.elsewhere.cover import holding_on
from yibao_settlement.rules.elsewhere.feed import check_offsite_age
from yibao_settlement.rules.elsewhere.hold import check_not_audited
from yibao_settlement.rules.elsewhere.marks import check_nobody_liable
from yibao_settlement.rules.elsewhere.place import check_recognised
from yibao_settlement.rules.elsewhere.registered import KnownCare, RegisteredCare
from yibao_settlement.rules.elsewhere.terms import UNREGISTERED, check_not_void
from yibao_settlement.rules.visit import Institution, Visit, check_designated


class Treating(NamedTuple):
    """The region that an institution is of, and what that says of it.

    It is the person's own, but for care elsewhere.
    """

    region: str
    reference: Reference
    is_elsewhere: bool

    def designated(self, institution_id: str, on: dt.date) -> Institution:
        """Returns the institution; raises RuleError as `check_designated`."""
        found = self.reference.institution(institution_id)
        # It is of that region by its code, so that there it lies outside of none.
        region = institution_id[1:7] if self.is_elsewhere else self.region
        return check_designated(found, institution_id, region=region, on=on)


def treating_at(working_set: WorkingSet, institution_id: str) -> Treating:
    """Returns whose institution it is: the region's own where that has an agreement with it."""
    found = working_set.elsewhere.places.get(institution_id)
    if found is None:
        return Treating(working_set.region, working_set.reference, is_elsewhere=False)
    return Treating(*found, is_elsewhere=True)


def treating_reference(working_set: WorkingSet, visit: Visit) -> Reference:
    """Returns what the region that treats a visit says of its institution.

    It is the own region of a visit that was registered under its agreement, which may be over.
    """
    if visit.elsewhere is None:
        return working_set.reference
    return treating_at(working_set, visit.institution_id).reference


def check_treats(treating: Treating, institution_id: str, *, on: dt.date) -> None:
    """Raises OFFSITE_INSTITUTION_NOT_OPEN where an institution takes nobody of elsewhere (O-03)."""
    if treating.is_elsewhere:
        scope = treating.reference.scope(institution_id, on)
        check_recognised(scope, institution_id, place_region=treating.region, on=on)


def check_attested(
    working_set: WorkingSet, attested: AttestationTold, *, person_id: str
) -> RegisteredCare | None:
    """Returns what an attestation states of a person, None where as much or more is known.

    Raises RuleError its refusal; ATTESTATION_OF_ANOTHER of another person, and
    ATTESTATION_REVOKED where the registration was found void since.
    """
    if attested is None:
        return None
    if isinstance(attested, RuleError):
        raise attested
    registration_id = attested.registration_id
    if attested.person_id != person_id:
        raise RuleError(
            Reason.ATTESTATION_OF_ANOTHER,
            f"registration {registration_id} is attested of another person",
            registration_id=registration_id,
        )
    known = {each.registration_id: each for each in working_set.elsewhere.of(person_id)}
    if standing_care(attested, known.get(registration_id)) is not attested:
        return None
    return attested


def registrations_at(
    working_set: WorkingSet, person_id: str, treating: Treating, today: dt.date
) -> list[RegisteredCare]:
    """Returns the registrations of a person that hold today where the institution is."""
    if not treating.is_elsewhere:
        return []
    told = working_set.elsewhere.of(person_id)
    return holding_on(told, place_region=treating.region, day=today)


def visit_on_terms(working_set: WorkingSet, visit: Visit, *, last: dt.date) -> Visit:
    """Returns a visit as a bill of it is decided; one at home as it is.

    `visit` is of whoever stands in its person's place. Raises RuleError as `on_terms`.
    """
    if visit.elsewhere is None:
        return visit
    registered_id = working_set.visits[visit.visit_id].person_id
    return on_terms(
        visit,
        visit.elsewhere.place_region,
        _known(working_set, visit.visit_id, visit.person_id, registered_id),
        working_set.diseases.get(visit.person_id, ()),
        home=working_set.reference,
        home_region=working_set.region,
        last=last,
    )


def _known(working_set: WorkingSet, visit_id: str, *person_ids: str) -> KnownCare:
    return working_set.elsewhere.known(visit_id, *person_ids, now=working_set.now)


def check_may_be_paid(record: SettlementRecord, working_set: WorkingSet) -> None:
    """Refuses to pay of a decided bill what no bill of its visit would be settled for by now.

    Raises RuleError AUDIT_HOLD, THIRD_PARTY_LIABLE, or OFFSITE_NOT_REGISTERED where the
    registration that decided was found void since, or the emergency that counted as one.
    """
    visit_id = record.visit_id
    check_not_audited(working_set.elsewhere.held(visit_id))
    check_nobody_liable(working_set.visits[visit_id].marks, visit_id)
    decided = None if record.benefit is None else record.benefit.elsewhere
    if decided is not None:
        holder_id = working_set.holder_of(record.person_id)
        known = _known(working_set, visit_id, holder_id, record.person_id)
        check_not_void(decided, known, working_set.reference.elsewhere)


def check_may_be_paid_more(record: SettlementRecord, working_set: WorkingSet) -> None:
    """Refuses to pay more of a settled bill, as `check_may_be_paid`.

    Raises RuleError also OFFSITE_FEED_STALE of a bill on the terms of those who have no
    registration while news of registrations are too old.
    """
    check_may_be_paid(record, working_set)
    decided = None if record.benefit is None else record.benefit.elsewhere
    if decided is not None and decided.terms == UNREGISTERED:
        known = _known(working_set, record.visit_id, record.person_id)
        most = working_set.reference.elsewhere.max_news_age
        check_offsite_age(known.news_age, most=most, region=working_set.region)


def note_deemed_of_bill(record: SettlementRecord, working_set: WorkingSet) -> None:
    """Has offsite told of an emergency that was marked after the visit was registered."""
    terms = record.benefit
    if terms is not None and terms.elsewhere is not None and terms.elsewhere.is_deemed:
        visit = working_set.visits[record.visit_id]
        note_deemed(working_set, visit._replace(elsewhere=terms.elsewhere))


def note_deemed(working_set: WorkingSet, visit: Visit) -> None:
    """Has offsite told of an emergency that counts as registered; once a visit."""
    if visit.elsewhere is not None and visit.elsewhere.is_deemed:
        working_set.elsewhere.deemed.append(
            DeemedRegistration(
                visit.visit_id,
                visit.person_id,
                visit.institution_id,
                visit.elsewhere.place_region,
                visit.start_date,
                working_set.now,
            )
        )
