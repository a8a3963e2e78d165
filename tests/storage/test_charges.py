"""Lines with ids: uploaded, settled, returned, cancelled and freed, on both databases."""

import datetime as dt

import pytest
from support.charges import (
    ADMITTED,
    CALLER,
    Uploads,
    assert_books_are_right,
    cancel,
    carrying,
    charged,
    listed,
    of_uploaded,
    refusal,
    returned,
    upload,
)
from support.databases import Databases
from support.settlement_world import HOSPITAL, NOW, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.charge.listing import LineWish, list_lines
from yibao_settlement.application.charge.results import LineResult
from yibao_settlement.application.charge.upload import UploadLines
from yibao_settlement.application.settlement.find import find_explained
from yibao_settlement.application.settlement.trial import trial
from yibao_settlement.rules.bill import (
    ChargedLine,
    LineDetails,
    LineOrigin,
)
from yibao_settlement.rules.policy.split import OwnCost


@pytest.fixture
def world(databases: Databases) -> World:
    return World(databases.open("yibao_settlement"))


def test_what_is_returned_of_an_uploaded_line_is_taken_off_to_the_fen(world: World) -> None:
    # Case R6.
    (person,) = world.enrol()
    visit = world.register(person)
    day = ADMITTED.replace(day=10)
    tablets = ChargedLine(1, "A1", "1.958333", "7", 1_371, LineDetails("L1", day))
    upload(world, visit, tablets)
    wrong, too_many, right = upload(
        world,
        visit,
        returned("R1", "L1", "-3", -587, "1.958333"),
        returned("R2", "L1", "-8", -1_371, "1.958333"),
        returned("R3", "L1", "-3", -588, "1.958333"),
    )
    assert isinstance(wrong, RuleError)
    assert isinstance(too_many, RuleError)
    assert (wrong.reason, too_many.reason) == (
        Reason.LINE_AMOUNT_MISMATCH,
        Reason.RETURN_EXCEEDS_LINE,
    )
    assert right is None
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, 783))
    (line,) = settled.lines
    assert (line.amount_fen, line.returned_fen, line.returned_quantity) == (783, 588, "3")
    (again,) = upload(world, visit, returned("R4", "L1", "-1", -196, "1.958333"))
    assert isinstance(again, RuleError)
    assert again.reason is Reason.LINE_SETTLED
    assert_books_are_right(world)


def test_each_uploaded_line_is_told_what_is_made_of_it(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    plain, over, own, unknown = upload(
        world,
        visit,
        charged("L1"),
        charged("L2", "B2", 150),
        charged("L3", "C1"),
        charged("L4", "X9"),
    )
    assert plain == LineResult("01", "", 0, 0, 0, 0, 10_000, OwnCost.NONE, is_limited_use=False)
    assert over == LineResult(
        "02", "100.00", 300_000, 0, 5_000, 3_000, 7_000, OwnCost.NONE, is_limited_use=False
    )
    assert own == LineResult("03", "", None, 10_000, 0, 0, 0, OwnCost.NONE, is_limited_use=False)
    assert isinstance(unknown, RuleError)
    assert unknown.faults[0].field == "lines[3].item_code"
    assert [each.result for each in listed(world, visit)] == [plain, over, own]
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, 35_000))
    assert [each.result for each in listed(world, visit)] == [plain, over, own]
    assert {each.charge.settlement_id for each in listed(world, visit)} == {settled.settlement_id}


def test_the_same_line_again_gets_the_same_answer_and_other_contents_are_refused(
    world: World,
) -> None:
    # Case N2.
    (person,) = world.enrol()
    visit = world.register(person)
    (first,) = upload(world, visit, charged("L1"))
    assert upload(world, visit, charged("L1")) == [first]
    origin = LineOrigin(provider_item_code="医院-7")
    (refused,) = upload(world, visit, charged("L1", yuan=101, origin=origin))
    assert isinstance(refused, RuleError)
    assert refused.reason is Reason.LINE_ID_REUSED
    assert refused.metadata == {"line_id": "L1", "fields": "unit_price,amount_fen,origin"}
    (in_batch,) = upload(world, visit, charged("L1"), batch="B7")
    assert isinstance(in_batch, RuleError)
    twice = upload(world, visit, charged("L2"), charged("L2"))
    assert isinstance(twice[1], RuleError)
    assert twice[1].reason is Reason.LINE_ID_REPEATED
    assert [each.charge.line.line_id for each in listed(world, visit)] == ["L1", "L2"]


def test_a_line_without_an_id_or_a_day_is_refused_by_itself(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    future = charged("L3", charge_date=TODAY + dt.timedelta(days=1))
    outcomes = upload(
        world, visit, charged(""), charged("L2", charge_date=None), future, charged("L4")
    )
    assert [each.faults[0].field for each in outcomes if isinstance(each, RuleError)] == [
        "lines[0].line_id",
        "lines[1].charge_date",
        "lines[2].charge_date",
    ]
    assert [each.charge.line.line_id for each in listed(world, visit)] == ["L4"]


def test_a_bill_names_lines_a_batch_or_takes_all_that_wait(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"), charged("L2"), batch="M1")
    upload(world, visit, charged("L3"), charged("L4"), batch="M2")
    upload(world, visit, charged("L5", charge_date=TODAY), charged("L6"))
    named = world.settle(visit, person, bill=of_uploaded(world, visit, 10_000, line_ids=("L3",)))
    batch = world.settle(
        visit, person, bill=of_uploaded(world, visit, 20_000, charge_batch_id="M1")
    )
    # The day before the last line: that one waits for the next bill.
    until = of_uploaded(world, visit, 20_000)._replace(service_date=TODAY - dt.timedelta(days=1))
    others = world.settle(visit, person, bill=until)
    assert [[line.line_id for line in each.lines] for each in (named, batch, others)] == [
        ["L3"],
        ["L1", "L2"],
        ["L4", "L6"],
    ]
    rest = listed(world, visit, only_unsettled=True)
    assert [each.charge.line.line_id for each in rest] == ["L5"]
    assert len(listed(world, visit, charge_batch_id="M1")) == 2
    assert len(listed(world, visit, settlement_id=others.settlement_id)) == 2
    assert_books_are_right(world)


def test_a_trial_of_uploaded_lines_comes_to_what_is_settled(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1", yuan=9_000), charged("L2", "B1"))
    bill = of_uploaded(world, visit, 910_000)
    tried = trial(world.queries, REGION, bill, institution_id=HOSPITAL, now=NOW).record
    settled = world.settle(visit, person, bill=bill)
    assert (tried.fund_total_fen, tried.cash_fen) == (settled.fund_total_fen, settled.cash_fen)
    record, trace, _ = find_explained(world.queries, REGION, settled.settlement_id, CALLER)
    assert record.lines == tried.lines
    assert len(trace) > 1


def test_a_line_is_settled_once_whoever_brings_it(world: World) -> None:
    # Case D2 and rule T-31.
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"))
    carried = carrying(world, visit, charged("L1"))
    other = carrying(world, visit, charged("L1", yuan=101))
    error = refusal(lambda: world.settle(visit, person, bill=other))
    assert (error.reason, error.metadata["fields"]) == (
        Reason.LINE_ID_REUSED,
        "unit_price,amount_fen",
    )
    settled = world.settle(visit, person, bill=carried)
    again = carrying(world, visit, charged("L1"), charged("L2"))
    error = refusal(lambda: world.settle(visit, person, bill=again))
    assert error.reason is Reason.LINES_ALREADY_SETTLED
    assert error.metadata["settlement_id"] == settled.settlement_id
    error = refusal(
        lambda: world.settle(visit, person, bill=of_uploaded(world, visit, 0, line_ids=("L1",)))
    )
    assert (error.reason, error.metadata["settlement_id"]) == (
        Reason.LINE_SETTLED,
        settled.settlement_id,
    )
    assert_books_are_right(world)


def test_a_bill_cannot_charge_in_full_what_was_returned_by_upload(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    bought = ChargedLine(1, "A1", "100", "2", 20_000, LineDetails("L1", ADMITTED.replace(day=10)))
    back = returned("R1", "L1", "-1", -10_000, "100")
    upload(world, visit, bought, back)
    error = refusal(lambda: world.settle(visit, person, bill=carrying(world, visit, bought)))
    assert error.metadata == {"line_id": "L1", "fields": "returned_quantity"}
    settled = world.settle(visit, person, bill=carrying(world, visit, bought, back))
    assert settled.total_fen == 10_000
    assert not listed(world, visit, only_unsettled=True)


def test_two_bills_in_one_batch_do_not_take_one_line(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"))
    commands = [
        world.settle_command(visit, person, bill=of_uploaded(world, visit, 10_000))
        for _ in range(2)
    ]
    first, second = world.work(REGION, commands)
    assert isinstance(first, bytes)
    assert isinstance(second, RuleError)
    assert second.reason is Reason.LINE_NOT_FOUND


def test_a_reversal_frees_the_lines_that_were_uploaded_and_forgets_those_carried(
    world: World,
) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"))
    uploaded = world.settle(visit, person, bill=of_uploaded(world, visit, 10_000))
    carried = world.settle(visit, person, bill=carrying(world, visit, charged("L2")))
    world.reverse(uploaded.settlement_id)
    world.reverse(carried.settlement_id)
    assert [each.charge.line.line_id for each in listed(world, visit)] == ["L1"]
    assert [each.charge.settlement_id for each in listed(world, visit)] == [None]
    assert world.settle(visit, person, bill=of_uploaded(world, visit, 10_000)).total_fen == 10_000
    # The other one may come with another price now, carried or uploaded.
    (anew,) = upload(world, visit, charged("L2", yuan=90))
    assert isinstance(anew, LineResult)
    assert world.settle(visit, person, bill=of_uploaded(world, visit, 9_000)).total_fen == 9_000
    assert_books_are_right(world)


def test_lines_are_cancelled_while_they_are_not_settled(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, *(charged(f"L{number}") for number in range(1, 5)))
    upload(world, visit, returned("R2", "L2", "-1", -10_000, "100"))
    assert cancel(world, visit, "L2") == 2
    assert refusal(lambda: cancel(world, visit, "L2", "L9")).metadata == {"line_ids": "L2,L9"}
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, 10_000, line_ids=("L1",)))
    error = refusal(lambda: cancel(world, visit, "L1"))
    assert (error.reason, error.metadata["settlement_id"]) == (
        Reason.LINE_SETTLED,
        settled.settlement_id,
    )
    assert cancel(world, visit) == 2
    assert cancel(world, visit) == 0
    # An id that was cancelled is free for another line.
    (anew,) = upload(world, visit, charged("L2", yuan=7))
    assert isinstance(anew, LineResult)


def test_another_institution_finds_no_visit(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, charged("L1"))
    request = world.request("UploadLines", institution_id=OTHER_HOSPITAL)
    command = UploadLines(request, visit, "", (charged("L2"),), Uploads())
    assert refusal(lambda: world.run(command)).reason is Reason.VISIT_NOT_FOUND
    stranger = parse_caller(f"institution/{OTHER_HOSPITAL}")
    error = refusal(
        lambda: list_lines(
            world.queries, REGION, LineWish(visit), stranger, after=None, limit=9, now=NOW
        )
    )
    assert error.reason is Reason.VISIT_NOT_FOUND


def test_pages_go_on_where_the_one_before_ended(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    upload(world, visit, *(charged(f"L{number}") for number in range(5)))
    found: list[str] = []
    after = None
    while True:
        page = list_lines(
            world.queries, REGION, LineWish(visit), CALLER, after=after, limit=2, now=NOW
        )
        found += [each.charge.line.line_id for each in page.lines]
        after = page.end
        if after is None:
            break
    assert found == ["L0", "L1", "L2", "L3", "L4"]


def test_a_bill_of_more_lines_than_an_answer_holds_settles_and_is_explained(world: World) -> None:
    (person,) = world.enrol()
    visit = world.register(person)
    lines = [charged(f"L{number}", yuan=1) for number in range(4_001)]
    for at in range(0, len(lines), 2_000):
        upload(world, visit, *lines[at : at + 2_000])
    settled = world.settle(visit, person, bill=of_uploaded(world, visit, 400_100))
    assert (settled.line_count, len(settled.lines)) == (4_001, 0)
    assert settled.total_fen == 400_100
    find_explained(world.queries, REGION, settled.settlement_id, CALLER)
    assert len(listed(world, visit, settlement_id=settled.settlement_id)) == 2_000
    world.reverse(settled.settlement_id)
    assert len(listed(world, visit, only_unsettled=True)) == 2_000
    assert_books_are_right(world)


def test_pages_of_lines_go_on_the_next_day_where_they_ended(world: World) -> None:
    """Lines that a bill carried without a day are of no day on which somebody asks."""
    (person,) = world.enrol()
    visit = world.register(person)
    undated = [charged(f"L{number}", charge_date=None) for number in range(1, 5)]
    bill = carrying(world, visit, charged("L0"), *undated)
    world.settle(visit, person, bill=bill)
    found: list[str] = []
    after, days = None, 0
    while days == 0 or after is not None:
        assert days < 5
        page = list_lines(
            world.queries,
            *(REGION, LineWish(visit), CALLER),
            after=after,
            limit=2,
            now=NOW + dt.timedelta(days=days),
        )
        found += [each.charge.line.line_id for each in page.lines]
        after, days = page.end, days + 1
    assert found == ["L0", "L1", "L2", "L3", "L4"]
