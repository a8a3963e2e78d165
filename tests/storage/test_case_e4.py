"""Case E4: of two bills of 20,000 the first one is reversed, by the policy of the cases."""

from support.benefit_world import admit
from support.charges import assert_books_are_right
from support.databases import Databases
from support.history_model.examples import FOLDER
from support.settlement_world import AGENCY, HOSPITAL, OTHER_HOSPITAL, REGION, TODAY, World

from yibao_common.values.caller import parse_caller
from yibao_settlement.application.settlement.effective import find_both_columns
from yibao_settlement.rules.bill import ChargedLine
from yibao_settlement.servicer.explanation import explanation_message

POLICY = (FOLDER / "policy.yaml").read_text(encoding="utf-8")


def settle(world: World, person: str, institution: str) -> str:
    visit_id = admit(world, person, TODAY, institution_id=institution)
    world.run(world.discharge_command(visit_id, institution_id=institution))
    lines = (ChargedLine(1, "A1", "20000", "1", 2_000_000),)
    bill = world.bill(visit_id, lines=lines, total_fen=2_000_000)
    return world.settle(visit_id, person, bill=bill, institution_id=institution).settlement_id


def test_e4_the_second_one_gets_a_delta_and_explain_shows_both(databases: Databases) -> None:
    text = POLICY.replace('"999000"', f'"{REGION}"').replace('"310"', '"390"', 1)
    world = World(databases.open("yibao_settlement"), policy_file=text.encode())
    (person,) = world.enrol()
    first, second = settle(world, person, HOSPITAL), settle(world, person, OTHER_HOSPITAL)
    world.reverse(first)
    found = find_both_columns(world.queries, REGION, second, parse_caller(AGENCY))
    answer = explanation_message(found)
    # The counter's, of which the hospital is owed all and asked for nothing.
    assert (answer.settlement.fund_total_fen, answer.settlement.cash_fen) == (1_598_000, 402_000)
    effective = answer.settlement.effective
    assert (effective.fund_total_fen, effective.cash_fen) == (1_546_000, 454_000)
    assert answer.trace
    assert answer.effective.trace
    assert_books_are_right(world)
