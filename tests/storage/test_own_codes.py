"""Lines that carry the institution's own code alone, on every path and on both databases."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from support.charges import (
    ADMITTED,
    assert_books_are_right,
    cancel,
    carrying,
    listed,
    of_uploaded,
    put_items,
    refusal,
    upload,
)
from support.corrections import correct_command, record_of
from support.databases import Databases, as_owner
from support.own_codes import (
    cancel_mapping,
    decide_mappings,
    map_codes,
    mapped,
    on_terms,
    own,
    row,
)
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao.settlement.v1.hold_service_pb2 import HoldBillResponse
from yibao.settlement.v1.settlement_pb2 import OwnCostReason
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.charge.results import LineResult
from yibao_settlement.application.hold.take import HoldBill
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.application.statement import find_statement
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.ledger_check.report import MAPPED
from yibao_settlement.rules.bill import (
    NO_DETAILS,
    Bill,
    CatalogueItem,
    ChargedLine,
    LevelPriceCeiling,
)
from yibao_settlement.rules.policy.split import OwnCost
from yibao_settlement.rules.refund import AskedReturn
from yibao_settlement.servicer.hold import held
from yibao_settlement.storage import tables

TENTH, FIFTEENTH = ADMITTED.replace(day=10), ADMITTED.replace(day=15)


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def tried(world: World, bill: Bill) -> list[tuple[str, str]]:
    found = trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=NOW)
    return [(line.item_code, line.catalogue_class) for line in found.record.lines]


def test_a_mapped_line_is_settled_remapped_cancelled_and_refunded_by_its_day(
    world: World,
) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first, latter = mapped(
        world, row("药-1", "A1"), row("药-1", "B1", FIFTEENTH, is_remapping=True)
    )
    # Of an earlier charge day what was mapped then, of the service date what is mapped now.
    bill = carrying(world, visit, own("药-1", charge_date=TENTH), own("药-1", 200), own("药-2", 50))
    assert tried(world, bill) == [("A1", "01"), ("B1", "02")]
    settled = world.settle(visit, person, bill=bill)
    told = [(each.item_code, each.provider_item_code, each.mapping_id) for each in settled.lines]
    assert told == [("A1", "药-1", first), ("B1", "药-1", latter)]
    # Case M2: a line without mapping is named, never silently own cost.
    (lost,) = settled.refused_lines
    assert (lost.line_number, lost.item_code) == (3, "")
    assert lost.reason == "ERROR_REASON_OWN_CODE_UNMAPPED"
    assert lost.message == f"own code 药-2 is mapped to no item on {TODAY.isoformat()}"
    cancel_mapping(world, latter)
    # From the next bill on the earlier one holds again; what is settled stays.
    again = carrying(world, visit, own("药-1", 300))
    assert tried(world, again) == [("A1", "01")]
    refunded = world.refund(settled.settlement_id, AskedReturn(2))
    left = refunded.settlement.lines[0]
    assert (left.item_code, left.mapping_id) == ("A1", first)
    caller = world.request("ExplainSettlement").caller
    record, *_ = find_explained(world.queries, REGION, settled.settlement_id, caller)
    kept = [each.mapping_id for each in record.as_settled.particulars if each is not None]
    assert kept == [first, latter]
    cancel_mapping(world, first)
    assert refusal(lambda: tried(world, again)).reason is Reason.OWN_CODE_UNMAPPED
    assert_books_are_right(world)


def test_an_uploaded_line_keeps_what_its_code_was_mapped_to_when_it_came(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    (first,) = mapped(world, row("药-1", "A1"))
    line = own("药-1", line_id="L1", charge_date=TENTH)
    (result, unmapped) = upload(world, visit, line, own("药-9", line_id="L9", charge_date=TENTH))
    assert isinstance(result, LineResult)
    assert result.catalogue_class == "01"
    assert isinstance(unmapped, RuleError)
    assert (unmapped.reason, unmapped.faults[0].field) == (
        Reason.OWN_CODE_UNMAPPED,
        "lines[1].origin.provider_item_code",
    )
    cancel_mapping(world, first)
    mapped(world, row("药-1", "C1"))
    # Case N2: the same line again gets the same answer, whatever its code means by now.
    assert upload(world, visit, line) == [result]
    back = line._replace(quantity="-1", amount_fen=-10_000)
    details = (back.details or NO_DETAILS)._replace(line_id="R1", returned_line_id="L1")
    back = back._replace(details=details)
    more = own("药-1", line_id="L2", charge_date=TENTH)
    assert upload(world, visit, back, more)[0] is None
    cancel(world, visit, "R1")
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, 20_000))
    assert [each.item_code for each in settled.lines] == ["A1", "C1"]
    assert settled.lines[0].mapping_id == first
    assert [each.charge.line.item_code for each in listed(world, visit)] == ["A1", "C1"]
    # A bill that carries its uploaded line with the own code alone settles that line.
    upload(world, visit, own("药-1", 7, line_id="L3", charge_date=TENTH))
    carried = carrying(world, visit, own("药-1", 7, line_id="L3", charge_date=TENTH))
    last = world.settle(visit, person, bill=carried)
    assert [each.line_id for each in last.lines] == ["L3"]
    assert {each.charge.settlement_id for each in listed(world, visit)} == {
        settled.settlement_id,
        last.settlement_id,
    }
    assert_books_are_right(world)


def test_a_region_may_take_unmapped_lines_as_own_cost_and_names_them(world: World) -> None:
    (person,) = on_terms(world, unmapped_is_own_cost=True).enrol()
    visit = world.register(person)
    (waiting,) = upload(world, visit, own("药-9", line_id="L9", charge_date=TENTH))
    assert isinstance(waiting, LineResult)
    assert (waiting.own_cost, waiting.excluded_fen) == (OwnCost.UNMAPPED, 10_000)
    bill = carrying(world, visit, own("药-8"), ChargedLine(1, "A1", "100", "1", 10_000))
    assert tried(world, bill) == [("", "03"), ("A1", "01")]
    settled = world.settle(visit, person, bill=bill)
    line = settled.lines[0]
    assert (line.item_code, line.provider_item_code, line.mapping_id) == ("", "药-8", "")
    assert (line.excluded_fen, line.own_cost_reason) == (
        10_000,
        OwnCostReason.OWN_COST_REASON_UNMAPPED,
    )
    statement = find_statement(
        world.queries, REGION, settled.settlement_id, world.request("GetStatement").caller
    )
    assert [each.item_name for each in statement.items] == ["药-8", "甲类药"]
    # What was uploaded before its code was mapped takes the item that it means by now.
    (mapping,) = mapped(world, row("药-9", "A1"))
    last = world.settle(visit, person, bill=of_uploaded(world, visit, 10_000))
    assert [(each.item_code, each.mapping_id) for each in last.lines] == [("A1", mapping)]
    assert_books_are_right(world)
    world.reverse(last.settlement_id)
    refunded = world.refund(settled.settlement_id, AskedReturn(1)).settlement
    assert refunded.excluded_fen == 0
    assert_books_are_right(world)


def test_a_hold_and_a_correction_take_what_own_codes_mean(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    (first,) = mapped(world, row("药-1", "A1"))
    bill = carrying(world, visit, own("药-1", line_id="L1"))
    settling = world.settle_command(visit, person, bill=bill)
    answer = world.run(HoldBill(settling, dt.timedelta(minutes=5), held))
    quote = HoldBillResponse.FromString(answer).hold.quote
    assert [(each.item_code, each.mapping_id) for each in quote.lines] == [("A1", first)]
    other = world.register(world.enrol()[0])
    lines = own("药-1", line_id="L1"), ChargedLine(2, "C1", "50", "1", 5_000)
    settled = world.settle(other, world.persons[1], bill=carrying(world, other, *lines))
    cancel_mapping(world, first)
    mapped(world, row("药-1", "C1"))
    # A correction keeps what a line was settled as, by its id; a new line means what it does now.
    others = [own("药-1", line_id="L1"), own("药-1", 20, line_id="L2")._replace(line_number=2)]
    world.run(correct_command(world, settled.settlement_id, others))
    page = world.queries.settlement(REGION, settled.settlement_id)
    assert page is not None
    assert page.corrected_by_id is not None
    new = record_of(world, page.corrected_by_id)
    assert [line.item_code for line in new.lines] == ["A1", "C1"]
    assert_books_are_right(world)


def test_one_code_means_one_item_a_day(world: World) -> None:
    # Case M1.
    beside = map_codes(world, row("药-1", "A1"), row("药-1", "B1"), row("药-2", "A1"))
    assert [isinstance(each, RuleError) for each in beside] == [True, True, False]
    assert isinstance(beside[0], RuleError)
    assert [each.reason for each in beside[0].faults] == [Reason.MAPPING_CONFLICT]
    assert beside[0].faults[0].message == "the rows [1] have days of it too"
    (known,) = mapped(world, row("药-2", "A1"))
    (other,) = map_codes(world, row("药-2", "B1", FIFTEENTH))
    assert isinstance(other, RuleError)
    assert known in other.faults[0].message
    # The same row again is the mapping that is stored; another institution's code is another one.
    assert mapped(world, row("药-2", "A1")) == [known]
    mapped(world, row("药-2", "B1"), institution_id=OTHER_HOSPITAL)
    cut = cancel_mapping(world, known, FIFTEENTH)
    assert cut.cancel_last_date == FIFTEENTH
    mapped(world, row("药-2", "B1", FIFTEENTH + dt.timedelta(days=1)))
    assert refusal(lambda: cancel_mapping(world, known)).reason is Reason.MAPPING_STATE
    elsewhere = refusal(lambda: cancel_mapping(world, known, institution_id=OTHER_HOSPITAL))
    assert elsewhere.reason is Reason.MAPPING_NOT_FOUND


def test_of_two_uploads_at_once_one_gets_the_day(world: World) -> None:
    items = ["A1", "B1"] * 4
    with ThreadPoolExecutor(4) as threads:
        outcomes = list(threads.map(lambda item: map_codes(world, row("药-1", item))[0], items))
    stored = {each.row.item_code for each in outcomes if not isinstance(each, RuleError)}
    assert len(stored) == 1
    with world.database.read() as connection:
        count = sa.select(sa.func.count()).select_from(tables.code_mapping)
        assert connection.execute(count).scalar_one() == 1


def test_what_is_uploaded_after_a_bill_is_decided_counts_from_the_next_one_on(
    world: World,
) -> None:
    # A batch knows its moment before it reads what codes mean; the ledger tells both.
    (person,) = world.enrol()
    visit = world.register(person)
    world.clock.now = NOW + dt.timedelta(milliseconds=1)
    mapped(world, row("药-1", "A1"))
    world.clock.now = NOW
    early = refusal(lambda: world.settle(visit, person, bill=carrying(world, visit, own("药-1"))))
    assert early.reason is Reason.OWN_CODE_UNMAPPED
    assert_books_are_right(world)


def test_a_correction_to_another_day_takes_what_the_code_means_on_it(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first, latter = mapped(
        world, row("药-1", "A1"), row("药-1", "B1", FIFTEENTH, is_remapping=True)
    )
    lines = [own("药-1", line_id="L1", charge_date=TENTH), own("药-1", 20, charge_date=TENTH)]
    settled = world.settle(visit, person, bill=carrying(world, visit, *lines))
    assert {each.mapping_id for each in settled.lines} == {first}
    moved = own("药-1", line_id="L1", charge_date=FIFTEENTH)
    world.run(correct_command(world, settled.settlement_id, [moved]))
    page = world.queries.settlement(REGION, settled.settlement_id)
    assert page is not None
    assert page.corrected_by_id is not None
    new = record_of(world, page.corrected_by_id)
    assert [(line.item_code) for line in new.lines] == ["B1"]
    assert [each and each.mapping_id for each in new.particulars] == [latter]
    assert_books_are_right(world)


def test_a_row_is_told_all_its_faults(world: World) -> None:
    # Case M5: an end before the start is refused at import, with what else is wrong.
    end = FIFTEENTH - dt.timedelta(days=1)
    (refused,) = map_codes(world, row("药-1", "X9", FIFTEENTH, end_date=end))
    assert isinstance(refused, RuleError)
    assert [(each.field, each.reason) for each in refused.faults] == [
        ("end_date", Reason.FIELD_OUT_OF_RANGE),
        ("item_code", Reason.CATALOGUE_ITEM_UNKNOWN),
    ]
    (ended,) = map_codes(world, row("药-1", "OLD"))
    assert isinstance(ended, RuleError)


def test_a_price_above_the_ceiling_of_the_level_is_over_limit_by_own_code_too(
    world: World,
) -> None:
    # Case M4: 200 at level 3, 180 at level 2; 190 at level 2 is 10.00 over it.
    ceilings = (LevelPriceCeiling(("1", "3"), "200"), LevelPriceCeiling(("2",), "180"))
    since = dt.date(2014, 1, 1)
    put_items(
        world,
        CatalogueItem("K1", "耗材", "01", None, "", since, None, level_price_ceilings=ceilings),
    )
    mapped(world, row("耗-1", "K1"))
    (person,) = world.enrol()
    visit = world.register(person)
    settled = world.settle(visit, person, bill=carrying(world, visit, own("耗-1", 190)))
    assert [(line.item_code, line.over_limit_fen) for line in settled.lines] == [("K1", 1_000)]


def test_a_reviewed_mapping_holds_once_the_agency_approved_it(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    (waiting, bad) = mapped(world, row("药-1", "A1"), row("药-2", "A1"), is_reviewed=True)
    bill = carrying(world, visit, own("药-1"))
    assert refusal(lambda: tried(world, bill)).reason is Reason.OWN_CODE_UNMAPPED
    decided = decide_mappings(world, waiting)
    assert decided[0].state.name == "IN_FORCE" if not isinstance(decided[0], RuleError) else False
    assert tried(world, bill) == [("A1", "01")]
    (again,) = decide_mappings(world, waiting)
    assert isinstance(again, RuleError)
    assert again.reason is Reason.MAPPING_STATE
    (rejected,) = decide_mappings(world, bad, is_approved=False)
    assert not isinstance(rejected, RuleError)
    # What was rejected leaves its days to another one.
    (second,) = mapped(world, row("药-2", "B1"), is_reviewed=True)
    uploader = world.request("UploadMappings").caller.path
    (own_decision,) = decide_mappings(world, second, caller=uploader)
    assert isinstance(own_decision, RuleError)
    assert own_decision.reason is Reason.SAME_MAKER_AND_CHECKER


def test_the_checker_finds_a_line_whose_mapping_says_something_else(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    first, _ = mapped(world, row("药-1", "A1"), row("药-2", "B1"))
    bill = carrying(world, visit, own("药-1", charge_date=TENTH), own("药-2"))
    settled = world.settle(visit, person, bill=bill)
    assert_books_are_right(world)
    table = tables.code_mapping
    altered: list[tuple[str, dict[str, object]]] = [
        ("which is to C1", {"item_code": "C1"}),
        ("which is of another own code", {"provider_item_code": "药-9"}),
        ("which is not of 2026-11-10", {"start_date": FIFTEENTH}),
        ("which was rejected", {"state": 3}),
        ("which was uploaded later", {"upload_time": NOW + dt.timedelta(days=1)}),
        ("which is not there", {"mapping_id": new_id()}),
    ]
    with world.database.read() as connection:
        query = sa.select(table).where(table.c.mapping_id == first)
        stored = dict(connection.execute(query).mappings().one())
    for what, values in altered:
        put_in_place(world, stored, {**stored, **values})
        drifts = check_ledger(world.database).drifts
        assert [(each.subject, each.invariant) for each in drifts] == [
            (settled.settlement_id, MAPPED)
        ]
        assert drifts[0].detail.endswith(what)
        put_in_place(world, {**stored, **values}, stored)
    assert_books_are_right(world)


def put_in_place(world: World, former: dict[str, object], row: dict[str, object]) -> None:
    """Puts a mapping into the database in the place of another one."""
    table = tables.code_mapping
    with as_owner(world.database) as connection:
        connection.execute(sa.delete(table).where(table.c.mapping_id == former["mapping_id"]))
        connection.execute(sa.insert(table).values(**row))
