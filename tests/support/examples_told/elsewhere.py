"""Care elsewhere in examples: where a bill is charged, and what its person is registered for.

Bills whose fact `offsite` is other than `local` are charged at institutions of a second region.
Whoever is there is registered for the days of the visit on those terms, so that an example may
have other terms on the next day; in an emergency the hospital's mark stands for a registration,
and who is `unregistered` has none.
"""

from collections.abc import Iterator

from support.elsewhere_world import put_registered
from support.examples_told.history import Example, ToldBill
from support.examples_told.running import PLACE, REGION, Running

from yibao.offsite.v1.registration_pb2 import OffsiteTerms, RegistrationCategory
from yibao.settlement.v1 import elsewhere_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao_common.values.ids import new_id
from yibao_settlement.rules.care_type import is_stay
from yibao_settlement.rules.elsewhere.registered import Benefit, RegisteredCare
from yibao_settlement.rules.elsewhere.terms import (
    EMERGENCY,
    LOCAL,
    LONG_TERM,
    TEMPORARY,
    UNREGISTERED,
)

_CATEGORIES = {
    LONG_TERM: RegistrationCategory.REGISTRATION_CATEGORY_LONG_TERM_RESIDENT,
    "referral": RegistrationCategory.REGISTRATION_CATEGORY_REFERRAL,
    TEMPORARY: RegistrationCategory.REGISTRATION_CATEGORY_OTHER_TEMPORARY,
}
_UNTOLD = (LOCAL, EMERGENCY, UNREGISTERED)


def terms_of(bill: ToldBill) -> str:
    """Returns on which terms a bill says that it is paid; of one at home `local`."""
    return str(bill.facts.get("offsite", LOCAL))


def region_of(bill: ToldBill) -> str:
    """Returns the region of the institution that charges a bill."""
    return REGION if terms_of(bill) == LOCAL else PLACE


def marks_of(bill: ToldBill) -> elsewhere_pb2.CareMarks | None:
    """Returns what the hospital marks of a visit; of ordinary care nothing."""
    if terms_of(bill) != EMERGENCY:
        return None
    if is_stay(bill.facts["care_type"]):
        return elsewhere_pb2.CareMarks(admission_kind=elsewhere_pb2.ADMISSION_KIND_EMERGENCY)
    return elsewhere_pb2.CareMarks(outpatient_kind=elsewhere_pb2.OUTPATIENT_KIND_EMERGENCY)


def tell_registrations(running: Running, example: Example, person_id: str) -> None:
    """Has settlement know what the person is registered for, as the feed of offsite tells it."""
    for told in _registrations(example, person_id):
        put_registered(running.database, told, region=REGION)


def terms_answered(explained: pb.ExplainSettlementResponse) -> str:
    """Returns on which terms a bill was paid; of one at home `local`."""
    if not explained.HasField("elsewhere"):
        return LOCAL
    name = OffsiteTerms.Name(explained.elsewhere.care.terms)
    return name.removeprefix("OFFSITE_TERMS_").lower()


def _registrations(example: Example, person_id: str) -> Iterator[RegisteredCare]:
    for bill in example.bills:
        terms = terms_of(bill)
        if terms not in _UNTOLD:
            yield RegisteredCare(
                registration_id=new_id(),
                person_id=person_id,
                category=_CATEGORIES[terms],
                treatment_region=PLACE,
                terms=terms,
                benefits=tuple(Benefit),
                start_date=bill.admitted,
                end_date=bill.date,
            )
