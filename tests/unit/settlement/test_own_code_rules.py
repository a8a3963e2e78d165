"""What own codes mean on a day, and which rows may stand beside each other, as tables."""

import datetime as dt

import pytest

from yibao_common.values.reasons import Reason
from yibao_settlement.application.reference import LineTerms
from yibao_settlement.rules.bill import (
    CatalogueItem,
    ChargedLine,
    LevelPriceCeiling,
    LineDetails,
    LineOrigin,
)
from yibao_settlement.rules.catalogue import item_faults
from yibao_settlement.rules.charge import differing_fields
from yibao_settlement.rules.institution.points import POINTS_TERMS, suspended_days
from yibao_settlement.rules.institution.scope import InstitutionScope, check_networked, scope_on
from yibao_settlement.rules.institution.suspension import (
    Suspended,
    SuspendedKind,
    Suspension,
    barred_lines,
    is_exempt,
)
from yibao_settlement.rules.mapping import (
    MOST_OF_A_CODE,
    Act,
    Checked,
    CodeMapping,
    MappingFinding,
    MappingRow,
    MappingState,
    check_mapping,
    has_room,
    mapped_lines,
    mapping_on,
    sent_conflict,
    stored_conflict,
)

NOW = dt.datetime(2026, 11, 20, tzinfo=dt.UTC)
HOSPITAL, LI = "H99901900001", "D1"


def day(number: int) -> dt.date:
    return dt.date(2026, 11, number)


def row(item: str, first: int, last: int | None = None, *, takes_over: bool = False) -> MappingRow:
    end = None if last is None else day(last)
    return MappingRow("K", "名", "101", item, day(first), end, takes_over)


def stored(
    item: str,
    first: int,
    last: int | None = None,
    *,
    state: MappingState = MappingState.IN_FORCE,
    cut: int | None = None,
    mapping_id: str = "",
) -> CodeMapping:
    mapping = CodeMapping(
        mapping_id or item, HOSPITAL, row(item, first, last), state, Act(NOW, "institution/H")
    )
    return mapping._replace(cancel_last_date=None if cut is None else day(cut))


CANCELLED, PENDING, REJECTED = (
    MappingState.CANCELLED,
    MappingState.PENDING,
    MappingState.REJECTED,
)


@pytest.mark.parametrize(
    ("mappings", "on", "item"),
    [
        ([stored("A", 5, 10)], 4, None),
        ([stored("A", 5, 10)], 5, "A"),
        ([stored("A", 5, 10)], 10, "A"),
        ([stored("A", 5, 10)], 11, None),
        # Of two that hold the one that began last, whatever their order.
        ([stored("A", 5), stored("B", 8)], 7, "A"),
        ([stored("A", 5), stored("B", 8)], 8, "B"),
        ([stored("B", 8), stored("A", 5)], 8, "B"),
        # Where the latter ends the former holds again.
        ([stored("A", 5), stored("B", 8, 9)], 10, "A"),
        ([stored("A", 5), stored("B", 8, state=PENDING)], 8, "A"),
        ([stored("A", 5), stored("B", 8, state=REJECTED)], 8, "A"),
        ([stored("A", 5), stored("B", 8, state=CANCELLED)], 8, "A"),
        ([stored("A", 5, state=CANCELLED, cut=7)], 7, "A"),
        ([stored("A", 5, state=CANCELLED, cut=7)], 8, None),
    ],
)
def test_a_code_means_what_began_last_and_holds(
    mappings: list[CodeMapping], on: int, item: str | None
) -> None:
    found = mapping_on(mappings, day(on))
    assert (found and found.row.item_code) == item


@pytest.mark.parametrize(
    ("new", "known", "conflicts"),
    [
        # Case M1: one code on two national codes on one day.
        (row("B", 10), stored("A", 5, 9), False),
        (row("B", 9), stored("A", 5, 9), True),
        (row("B", 1, 4), stored("A", 5), False),
        (row("B", 1, 5), stored("A", 5), True),
        (row("B", 6, takes_over=True), stored("A", 5), False),
        (row("B", 5, takes_over=True), stored("A", 5), True),
        (row("B", 4, takes_over=True), stored("A", 5), True),
        (row("B", 5), stored("A", 5, state=PENDING), True),
        (row("B", 5), stored("A", 5, state=REJECTED), False),
        (row("B", 5), stored("A", 5, state=CANCELLED), False),
        (row("B", 8), stored("A", 5, state=CANCELLED, cut=7), False),
        (row("B", 7), stored("A", 5, state=CANCELLED, cut=7), True),
    ],
)
def test_no_day_is_mapped_twice_unless_the_latter_takes_over(
    new: MappingRow, known: CodeMapping, conflicts: bool
) -> None:
    assert (stored_conflict(new, [known]) is known) is conflicts


@pytest.mark.parametrize(
    ("one", "other", "conflicts"),
    [
        (row("A", 5), row("A", 5), True),
        (row("A", 5, 7), row("B", 8), False),
        (row("A", 5, 8), row("B", 8), True),
        (row("A", 5), row("B", 8, takes_over=True), False),
        (row("A", 5, takes_over=True), row("B", 8), True),
        (row("A", 5), row("B", 5, takes_over=True), True),
    ],
)
def test_rows_of_one_request_share_no_day(
    one: MappingRow, other: MappingRow, conflicts: bool
) -> None:
    assert sent_conflict(one, other) is conflicts
    assert sent_conflict(other, one) is conflicts


def one_day(number: int, item: str = "A") -> MappingRow:
    start = dt.date(2026, 1, 1) + dt.timedelta(days=number)
    return MappingRow("K", "名", "101", item, start, start)


@pytest.mark.parametrize(
    ("sent", "known", "has_some"),
    [
        (range(MOST_OF_A_CODE), range(0), True),
        (range(MOST_OF_A_CODE + 1), range(0), False),
        (range(MOST_OF_A_CODE - 1, MOST_OF_A_CODE), range(MOST_OF_A_CODE - 1), True),
        (range(MOST_OF_A_CODE, MOST_OF_A_CODE + 1), range(MOST_OF_A_CODE), False),
        # What is stored may be uploaded again, and some new rows with it.
        (range(MOST_OF_A_CODE), range(MOST_OF_A_CODE), True),
        (range(MOST_OF_A_CODE), range(1), True),
        (range(MOST_OF_A_CODE + 1), range(1), False),
    ],
)
def test_a_code_is_mapped_so_often_and_no_more(sent: range, known: range, has_some: bool) -> None:
    mappings = [
        CodeMapping(str(each), HOSPITAL, one_day(each), MappingState.IN_FORCE, Act(NOW, "h"))
        for each in known
    ]
    assert has_room([one_day(each) for each in sent], mappings) is has_some


def line(line_id: str = "", code: str = "K", *, back: str = "", item: str = "") -> ChargedLine:
    details = LineDetails(line_id, day(8), returned_line_id=back, origin=LineOrigin(code))
    return ChargedLine(1, item, "1", "1", 100, details)


def items(*lines: ChargedLine, known: ChargedLine | None = None) -> list[str]:
    mappings = {(HOSPITAL, "K"): [stored("A", 5)]}
    of_visit = {} if known is None else {known.line_id: known}
    told = (lines, mappings, of_visit)
    made = mapped_lines(*told, institution_id=HOSPITAL, last=day(20), are_own_cost=False)
    return [each.item_code for each in made]


def test_a_line_takes_its_own_item_before_that_of_its_code() -> None:
    assert items(line(item="Z"), line(), line(code="X")) == ["Z", "A", ""]
    # One that was sent before keeps its item; one of another code does not, under the same id.
    assert items(line("L1"), known=line("L1", item="OLD")) == ["OLD"]
    assert items(line("L1"), known=line("L1", "X", item="OLD")) == ["A"]
    # Nor does one that a correction moves to another day.
    moved = line("L1", item="OLD")
    assert moved.details is not None
    moved = moved._replace(details=moved.details._replace(charge_date=day(7)))
    assert items(line("L1"), known=moved) == ["A"]
    # What was mapped to nothing when it came is asked for again.
    assert items(line("L1"), known=line("L1")) == ["A"]
    # A return has the item of its line, also where it stands before it.
    assert items(line("R1", back="L1"), line("L1")) == ["A", "A"]
    assert items(line("R1", back="L1"), known=line("L1", item="OLD")) == ["OLD"]


def test_a_line_sent_again_differs_by_an_item_that_no_mapping_gave() -> None:
    waiting, told = line("L1"), line("L1", item="A")
    assert told.details is not None
    given = told._replace(details=told.details._replace(mapping_id="M1"))
    # An own code that was mapped to nothing, sent again once it is mapped.
    assert list(differing_fields(given, waiting)) == []
    assert list(differing_fields(waiting, given)) == []
    assert list(differing_fields(told, waiting)) == ["item_code"]
    assert list(differing_fields(given, line("L1", item="B"))) == ["item_code"]


@pytest.mark.parametrize(
    ("name", "price", "findings"),
    [
        ("名", "180", ()),
        ("名", "180.000001", (MappingFinding.PRICE_OVER_CEILING,)),
        ("", "", ()),
        ("别名", "1", (MappingFinding.NAME_DIFFERS,)),
    ],
)
def test_a_check_compares_name_and_price(
    name: str, price: str, findings: tuple[MappingFinding, ...]
) -> None:
    # Case M4: 180 at level 2.
    ceilings = (LevelPriceCeiling(("2",), "180"),)
    item = CatalogueItem("A", "药", "01", None, "", day(1), None, level_price_ceilings=ceilings)
    checked = Checked("K", name, price, day(8))
    found = check_mapping(checked, [stored("A", 5)], item, institution_level="2")
    assert found.findings == findings


def test_a_check_tells_what_is_unmapped_waits_or_ended() -> None:
    checked = Checked("K", "", "", day(8))

    def findings(*mappings: CodeMapping) -> list[str]:
        found = check_mapping(checked, mappings, None, institution_level="2")
        return [each.name for each in found.findings]

    assert findings() == ["UNMAPPED"]
    assert findings(stored("A", 5, state=PENDING)) == ["PENDING"]
    assert findings(stored("A", 9, state=PENDING)) == ["UNMAPPED"]
    assert findings(stored("A", 5)) == ["ITEM_ENDED"]


def test_rows_of_the_catalogue_that_could_not_be_used_are_refused() -> None:
    # Case M5: class 09; end before start. A share of class 02 is missed where a policy asks it.
    item = CatalogueItem("A", "药", "09", None, "", day(5), day(4))
    assert {(each.field, each.reason) for each in item_faults(item, ())} == {
        ("catalogue_class", Reason.FIELD_OUT_OF_RANGE),
        ("end_date", Reason.FIELD_OUT_OF_RANGE),
    }


def suspension(kind: SuspendedKind, first: int, last: int | None = None, **of: str) -> Suspension:
    end = None if last is None else day(last)
    of_nobody = ("S1", kind, "", "", "", day(first), end, "points", NOW, "agency/1/wang")
    return Suspension(*of_nobody)._replace(**of)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("first", "last", "is_barred"), [(8, 8, True), (9, None, False), (1, 7, False), (1, None, True)]
)
def test_lines_are_barred_on_the_days_of_a_suspension(
    first: int, last: int | None, is_barred: bool
) -> None:
    origin = LineOrigin(doctor_code=LI)
    ordered = ChargedLine(7, "A", "1", "1", 100, LineDetails("L1", day(8), origin=origin))
    suspended = Suspended.of([suspension(SuspendedKind.DOCTOR, first, last, code=LI)])
    for care_type, expected in (("11", is_barred), ("13", False), ("1301", False)):
        found = barred_lines(
            [ordered], suspended, HOSPITAL, care_type=care_type, last=day(20), is_borne=False
        )
        assert bool(found) is expected
    assert is_exempt("13")
    assert not is_exempt("99")


def test_a_department_is_known_by_code_and_name_at_its_institution_alone() -> None:
    told = suspension(
        SuspendedKind.DEPARTMENT, 1, institution_id=HOSPITAL, code="K1", name="心内科"
    )
    suspended = Suspended.of([told])
    for department, institution_id, count in (
        ("K1", HOSPITAL, 1),
        ("心内科", HOSPITAL, 1),
        ("外科", HOSPITAL, 0),
        ("K1", "H99901900002", 0),
    ):
        origin = LineOrigin(department=department)
        ordered = ChargedLine(1, "A", "1", "1", 100, LineDetails(origin=origin))
        found = barred_lines(
            [ordered], suspended, institution_id, care_type="11", last=day(8), is_borne=True
        )
        assert len(found) == count
        assert {each.reason for each in found.values()} <= {"LINE_BORNE_BY_INSTITUTION"}


@pytest.mark.parametrize(
    ("before", "added", "last"),
    [
        (0, 8, None),
        (0, 9, dt.date(2027, 2, 4)),
        (8, 3, dt.date(2027, 2, 4)),
        (8, 4, dt.date(2027, 11, 4)),
        (0, 12, dt.date(2029, 11, 4)),
    ],
)
def test_points_of_a_year_bring_a_suspension(before: int, added: int, last: dt.date | None) -> None:
    days = suspended_days(before, added, POINTS_TERMS, start=day(5))
    assert days == (None if last is None else (day(5), last))


@pytest.mark.parametrize(("care_type", "is_taken"), [("11", True), ("1103", True), ("21", False)])
def test_an_institution_is_networked_for_care_types_and_all_below(
    care_type: str, is_taken: bool
) -> None:
    scopes = [
        InstitutionScope(HOSPITAL, day(5), "1", ("11",)),
        InstitutionScope(HOSPITAL, day(9), "1"),
    ]
    refused = False
    try:
        scope = scope_on(scopes, day(8))
        check_networked(scope, HOSPITAL, care_type=care_type, on=day(8))
    except Exception as error:
        refused = getattr(error, "reason", None) is Reason.INSTITUTION_NOT_NETWORKED
    assert refused is not is_taken
    check_networked(scope_on(scopes, day(9)), HOSPITAL, care_type=care_type, on=day(9))
    check_networked(scope_on(scopes, day(4)), HOSPITAL, care_type=care_type, on=day(4))
    assert LineTerms() == (False, False)
