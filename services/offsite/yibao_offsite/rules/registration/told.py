"""What settlement is told of a registration."""

from yibao_offsite.rules.feed import RegisteredCare
from yibao_offsite.rules.registration.registration import Registration
from yibao_offsite.rules.registration.states import State


def registered_care(registration: Registration) -> RegisteredCare | None:
    """Returns a registration as bills are decided by it; None where it was never granted."""
    if not registration.state.was_granted:
        return None
    return RegisteredCare(
        registration_id=registration.registration_id,
        person_id=registration.person_id,
        category=registration.category.value,
        treatment_region=registration.treatment_region,
        terms=registration.terms.value,
        benefits=tuple(each.value for each in registration.benefits),
        start_date=registration.start_date,
        end_date=registration.last_date,
        is_void=registration.state is State.REVOKED,
        origin=registration.origin.value,
        version=registration.version,
    )
