"""Which registration covers care elsewhere, and on which terms it is paid."""

import datetime as dt

import pytest

from yibao.offsite.v1 import registration_service_pb2
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.rules.elsewhere.cover import CategoryAsOf, Days, covering, holding_on
from yibao_settlement.rules.elsewhere.marks import (
    NO_MARKS,
    AdmissionKind,
    CareMarks,
    OutpatientKind,
)
from yibao_settlement.rules.elsewhere.place import check_place, covers, place_of
from yibao_settlement.rules.elsewhere.registered import DEEMED, Benefit, KnownCare, RegisteredCare
from yibao_settlement.rules.elsewhere.terms import (
    NO_TERMS,
    Care,
    Elsewhere,
    ElsewhereTerms,
    benefit_of,
    elsewhere_of,
    may_account_pay,
)

HOME, PLACE = "330100", "330200"
ALL = tuple(Benefit)
MAR_1, MAR_8 = dt.date(2027, 3, 1), dt.date(2027, 3, 8)
DAY = dt.timedelta(days=1)
LEAP_DAY = dt.date(2028, 2, 29)
A_WEEK = Days(MAR_1, MAR_8)
EMERGENCY = CareMarks(admission_kind=AdmissionKind.EMERGENCY)


def registered(
    terms: str,
    start: dt.date = MAR_1,
    end: dt.date | None = None,
    *,
    id: str = "r1",
    to: str = PLACE,
    benefits: tuple[Benefit, ...] = ALL,
    is_void: bool = False,
) -> RegisteredCare:
    return RegisteredCare(id, "p", 4, to, terms, benefits, start, end, is_void)


def decided(
    *told: RegisteredCare,
    care_type: str = "2101",
    marks: CareMarks = NO_MARKS,
    days: Days = A_WEEK,
    terms: ElsewhereTerms = NO_TERMS,
    deemed_id: str | None = None,
    news_age: dt.timedelta | None = None,
) -> Elsewhere:
    benefit = benefit_of(care_type)
    care, known = Care(PLACE, care_type, marks, days), KnownCare(told, deemed_id, news_age)
    return elsewhere_of(care, known, terms, benefit=benefit, home_region=HOME)


@pytest.mark.parametrize(
    ("institution_id", "regions", "place"),
    [
        ("H33020000001", ("330100", "330200"), "330200"),
        # A county of a city that pools as one, and one that pools by itself.
        ("H33020300001", ("330100", "330200"), "330200"),
        ("H33020300001", ("330200", "330203"), "330203"),
        ("H50023000001", ("500100",), "500100"),
        ("H50023000001", ("500000",), "500000"),
        ("H33030000001", ("330100", "330200"), None),
        ("H99902900001", (), None),
    ],
)
def test_an_institution_is_of_the_region_that_its_code_lies_in(
    institution_id: str, regions: tuple[str, ...], place: str | None
) -> None:
    assert place_of(institution_id, regions) == place


@pytest.mark.parametrize(
    ("treatment_region", "place", "is_covered"),
    [
        ("330200", "330200", True),
        ("330200", "330203", True),
        ("330200", "330100", False),
        ("330203", "330203", True),
        ("330203", "330204", False),
        ("310000", "310100", True),
        ("310100", "310000", True),
        ("460000", "460100", True),
        ("330000", "330200", True),
        ("330000", "320100", False),
    ],
)
def test_a_registration_to_a_city_or_municipality_covers_all_of_it(
    treatment_region: str, place: str, is_covered: bool
) -> None:
    assert covers(treatment_region, place) is is_covered


@pytest.mark.parametrize("division", ["710100", "810000", "820000"])
def test_care_in_hong_kong_macao_and_taiwan_is_excluded(division: str) -> None:
    # Rule O-12.
    with pytest.raises(RuleError) as refusal:
        check_place(f"H{division}00001")
    assert refusal.value.reason is Reason.OFFSITE_PLACE_EXCLUDED
    check_place("H33010000001")


@pytest.mark.parametrize(
    ("start", "end", "first", "last", "is_covered"),
    [
        # An outpatient's day from both sides of either limit.
        (MAR_1, MAR_8, MAR_1 - DAY, MAR_1 - DAY, False),
        (MAR_1, MAR_8, MAR_1, MAR_1, True),
        (MAR_1, MAR_8, MAR_8, MAR_8, True),
        (MAR_1, MAR_8, MAR_8 + DAY, MAR_8 + DAY, False),
        (MAR_1, None, dt.date(2040, 2, 29), dt.date(2040, 2, 29), True),
        # A stay that began on the last day goes on; one that began a day later does not.
        (MAR_1, MAR_8, MAR_8, MAR_8 + 30 * DAY, True),
        (MAR_1, MAR_8, MAR_8 + DAY, MAR_8 + 30 * DAY, False),
        # Registered late, on the last day of a stay that is not settled, and a day after it.
        (MAR_8, None, MAR_1, MAR_8, True),
        (MAR_8 + DAY, None, MAR_1, MAR_8, False),
        # Six months from 31 August end on 28 February, or 29 in a leap year.
        (dt.date(2026, 8, 31), dt.date(2027, 2, 28), dt.date(2027, 2, 28), MAR_8, True),
        (dt.date(2026, 8, 31), dt.date(2027, 2, 28), MAR_1, MAR_8, False),
        (dt.date(2027, 8, 31), LEAP_DAY, LEAP_DAY, LEAP_DAY, True),
        (dt.date(2027, 8, 31), LEAP_DAY, LEAP_DAY + DAY, LEAP_DAY + DAY, False),
    ],
)
def test_a_registration_covers_the_care_that_any_of_its_days_touches(
    start: dt.date, end: dt.date | None, first: dt.date, last: dt.date, is_covered: bool
) -> None:
    told = registered("temporary", start, end)
    found = covering([told], place_region=PLACE, days=Days(first, last))
    assert bool(found) is is_covered


def test_what_was_found_void_never_covers() -> None:
    void = registered("long_term", is_void=True)
    assert covering([void], place_region=PLACE, days=Days(MAR_1, MAR_8)) == []
    assert holding_on([void], place_region=PLACE, day=MAR_1) == []


REFERRAL = registered("referral", MAR_1, MAR_8 - DAY, id="r1")
LONG_TERM = registered("long_term", MAR_8, None, id="r2")
TEMPORARY = registered("temporary", MAR_1, MAR_8 - DAY, id="r3")


@pytest.mark.parametrize(
    ("told", "as_of", "terms"),
    [
        # A referral's and an emergency's category is that of the admission.
        ((REFERRAL, LONG_TERM), CategoryAsOf.BY_CATEGORY, "referral"),
        ((TEMPORARY, LONG_TERM), CategoryAsOf.BY_CATEGORY, "long_term"),
        ((REFERRAL, LONG_TERM), CategoryAsOf.SETTLEMENT, "long_term"),
        ((TEMPORARY, LONG_TERM), CategoryAsOf.ADMISSION, "temporary"),
        # Late registration: nothing held on the day of admission.
        ((LONG_TERM,), CategoryAsOf.ADMISSION, "long_term"),
        # It lapsed during the stay.
        ((TEMPORARY,), CategoryAsOf.SETTLEMENT, "temporary"),
        # Of two that hold on a day the person has the better one.
        ((REFERRAL, TEMPORARY), CategoryAsOf.ADMISSION, "referral"),
    ],
)
def test_which_category_counts_where_it_changed_during_a_stay(
    told: tuple[RegisteredCare, ...], as_of: CategoryAsOf, terms: str
) -> None:
    assert decided(*told, terms=ElsewhereTerms(category_as_of=as_of)).terms == terms
    assert decided(*reversed(told), terms=ElsewhereTerms(category_as_of=as_of)).terms == terms


def test_the_order_of_what_decides_terms() -> None:
    emergency = registered("emergency", id="r9")
    assert decided(marks=EMERGENCY) == Elsewhere(PLACE, "emergency")
    assert decided(marks=EMERGENCY).is_deemed
    # Whoever lives there is at home there; any other registration comes behind the mark.
    assert decided(LONG_TERM, marks=EMERGENCY).registration_id == "r2"
    assert decided(TEMPORARY, marks=EMERGENCY) == Elsewhere(PLACE, "emergency")
    # One that the agency registered is named.
    assert decided(emergency, marks=EMERGENCY).registration_id == "r9"
    assert not decided(emergency, marks=EMERGENCY).is_deemed
    assert decided(REFERRAL).terms == "referral"


def test_what_offsite_has_on_record_of_a_mark_covers_no_other_visit() -> None:
    # Rule I-30: an emergency counts as registered by its own mark, whether offsite was told or not.
    deemed = registered("emergency", MAR_1, MAR_1, id="r9")._replace(origin=DEEMED)
    assert decided(deemed, marks=EMERGENCY) == decided(marks=EMERGENCY)
    # A stay of the same days, an outpatient of that day, and a stay after it.
    for care_type, days in (
        ("2101", A_WEEK),
        ("11", Days(MAR_1, MAR_1)),
        ("2101", Days(MAR_8, MAR_8)),
    ):
        with pytest.raises(RuleError) as refusal:
            decided(deemed, care_type=care_type, days=days)
        assert refusal.value.reason is Reason.OFFSITE_NOT_REGISTERED
    assert decided(deemed, TEMPORARY).registration_id == TEMPORARY.registration_id
    assert holding_on([deemed], place_region=PLACE, day=MAR_1) == []


@pytest.mark.parametrize(
    ("told", "care_type", "marks", "terms", "outcome"),
    [
        ((), "2101", NO_MARKS, ElsewhereTerms(), Reason.OFFSITE_NOT_REGISTERED),
        ((), "2101", NO_MARKS, ElsewhereTerms(True), "unregistered"),
        # Outpatients elsewhere only in an emergency, unless the region opens it.
        ((), "11", NO_MARKS, ElsewhereTerms(True), Reason.OFFSITE_BENEFIT_NOT_OPEN),
        (
            (),
            "11",
            NO_MARKS,
            ElsewhereTerms(True, frozenset({Benefit.OUTPATIENT})),
            "unregistered",
        ),
        (
            (),
            "13",
            CareMarks(outpatient_kind=OutpatientKind.EMERGENCY),
            ElsewhereTerms(),
            "emergency",
        ),
        (
            (registered("temporary", MAR_1 - 9 * DAY, MAR_1 - DAY),),
            "2101",
            NO_MARKS,
            ElsewhereTerms(),
            Reason.OFFSITE_REGISTRATION_EXPIRED,
        ),
        # It opens stays alone, be the region ever so open to those without any.
        (
            (registered("temporary", benefits=(Benefit.INPATIENT,)),),
            "11",
            NO_MARKS,
            ElsewhereTerms(True, frozenset(ALL)),
            Reason.OFFSITE_BENEFIT_NOT_OPEN,
        ),
        # A purchase is no emergency, whatever is marked.
        (
            (),
            "41",
            CareMarks(outpatient_kind=OutpatientKind.EMERGENCY),
            ElsewhereTerms(),
            Reason.OFFSITE_NOT_REGISTERED,
        ),
        (
            (registered("long_term", to="330300"),),
            "2101",
            NO_MARKS,
            ElsewhereTerms(),
            Reason.OFFSITE_NOT_REGISTERED,
        ),
    ],
)
def test_what_becomes_of_those_whom_no_registration_covers(
    told: tuple[RegisteredCare, ...],
    care_type: str,
    marks: CareMarks,
    terms: ElsewhereTerms,
    outcome: Reason | str,
) -> None:
    if isinstance(outcome, str):
        assert decided(*told, care_type=care_type, marks=marks, terms=terms).terms == outcome
        return
    with pytest.raises(RuleError) as refusal:
        decided(*told, care_type=care_type, marks=marks, terms=terms)
    assert refusal.value.reason is outcome


def test_the_refusal_says_how_to_register() -> None:
    with pytest.raises(RuleError) as refusal:
        decided()
    told = refusal.value.metadata
    assert (told["region"], told["treatment_region"]) == (HOME, PLACE)
    service = registration_service_pb2.DESCRIPTOR.services_by_name["RegistrationService"]
    assert told["register_by"].split()[0] in {
        f"{service.name}.{each}" for each in service.methods_by_name
    }


@pytest.mark.parametrize(
    ("care_type", "benefit"),
    [
        ("2101", Benefit.INPATIENT),
        ("28", Benefit.INPATIENT),
        ("52", Benefit.INPATIENT),
        ("11", Benefit.OUTPATIENT),
        ("13", Benefit.OUTPATIENT),
        ("14", Benefit.CHRONIC),
        ("9901", Benefit.CHRONIC),
        ("41", Benefit.PHARMACY),
    ],
)
def test_which_benefit_care_is(care_type: str, benefit: Benefit) -> None:
    assert benefit_of(care_type) is benefit


@pytest.mark.parametrize(
    ("terms", "benefit", "is_open", "may_pay"),
    [
        ("long_term", Benefit.OUTPATIENT, True, True),
        ("long_term", Benefit.PHARMACY, True, True),
        ("long_term", Benefit.OUTPATIENT, False, False),
        ("temporary", Benefit.OUTPATIENT, True, False),
        ("emergency", Benefit.PHARMACY, True, False),
        ("temporary", Benefit.INPATIENT, False, True),
    ],
)
def test_the_account_pays_elsewhere_for_long_term_persons_by_flag(
    terms: str, benefit: Benefit, is_open: bool, may_pay: bool
) -> None:
    # Rule O-04.
    said = ElsewhereTerms(is_account_open=is_open)
    assert may_account_pay(Elsewhere(PLACE, terms), benefit, said) is may_pay


@pytest.mark.parametrize("is_reduced", [False, True])
@pytest.mark.parametrize("care_type", ["2101", "11"])
def test_nobody_counts_as_unregistered_while_news_are_older_than_allowed(
    care_type: str, is_reduced: bool
) -> None:
    terms = ElsewhereTerms(is_reduced, max_news_age=DAY)
    later = DAY + dt.timedelta.resolution
    ended = registered("temporary", MAR_1 - 2 * DAY, MAR_1 - DAY)
    for news_age, told in ((later, ()), (None, ()), (later, (ended,))):
        with pytest.raises(RuleError) as refusal:
            decided(*told, care_type=care_type, terms=terms, news_age=news_age)
        assert refusal.value.reason is Reason.OFFSITE_FEED_STALE
        assert refusal.value.metadata["region"] == HOME
    # What is known goes on to hold, and what it does not open is refused by it.
    known = registered("temporary", benefits=(Benefit.INPATIENT, Benefit.OUTPATIENT))
    assert decided(known, care_type=care_type, terms=terms).terms == "temporary"
    with pytest.raises(RuleError) as refusal:
        decided(known, care_type="14", terms=terms)
    assert refusal.value.reason is Reason.OFFSITE_BENEFIT_NOT_OPEN
    # An emergency asks for no registration.
    assert decided(marks=EMERGENCY, terms=terms).is_deemed


def test_news_of_the_last_day_that_is_allowed_count_and_none_are_asked_for_without_an_offsite() -> (
    None
):
    reduced = ElsewhereTerms(is_unregistered_reduced=True, max_news_age=DAY)
    assert decided(terms=reduced, news_age=DAY).terms == "unregistered"
    alone = ElsewhereTerms(is_unregistered_reduced=True)
    assert decided(terms=alone, news_age=100 * DAY).terms == "unregistered"
    assert decided(terms=alone, news_age=None).terms == "unregistered"


def test_an_emergency_that_offsite_revoked_is_none_unless_the_region_pays_it() -> None:
    own = registered("emergency", id="d1", is_void=True)._replace(origin=DEEMED)
    other = registered("emergency", id="d2", is_void=True)._replace(origin=DEEMED)
    paid = ElsewhereTerms(is_revoked_emergency_paid=True)
    assert decided(own, other, marks=EMERGENCY).is_deemed
    assert decided(other, marks=EMERGENCY, deemed_id="d1").is_deemed
    standing = own._replace(is_void=False)
    assert decided(standing, marks=EMERGENCY, deemed_id="d1").is_deemed
    assert decided(own, marks=EMERGENCY, deemed_id="d1", terms=paid).is_deemed
    with pytest.raises(RuleError) as refusal:
        decided(own, marks=EMERGENCY, deemed_id="d1")
    assert refusal.value.reason is Reason.OFFSITE_NOT_REGISTERED
    # What is registered decides then, as of any visit.
    found = decided(own, registered("temporary"), marks=EMERGENCY, deemed_id="d1")
    assert (found.terms, found.registration_id) == ("temporary", "r1")
