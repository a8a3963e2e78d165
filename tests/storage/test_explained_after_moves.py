"""A bill is explained whose account pays before funds and has got money back since."""

from support.benefit_world import benefit_world, policy_text
from support.charges import assert_books_are_right
from support.corrections import charged, correct, settle
from support.databases import Databases
from support.differences import move
from support.settlement_world import AGENCY, OTHER_HOSPITAL, REGION

from yibao_common.values.caller import parse_caller
from yibao_settlement.application.settlement.effective import find_both_columns

ACCOUNT = """\
  - account:
      id: Z1
      title: The account
      title_zh: 个人账户
      base: [D1.paid, P1.copay, P1.overflow, prepay]
"""
AT_ONCE = ACCOUNT.replace("D1.paid, P1.copay, P1.overflow, prepay", "D1.paid")


def test_what_the_account_got_back_is_left_to_it(databases: Databases) -> None:
    text = policy_text()
    before, pool, rest = text.partition("  - tiers:\n      id: P1\n")
    text = before + AT_ONCE + pool + rest.replace(ACCOUNT, "")
    world = benefit_world(databases, text=text)
    (person,) = world.enrol()
    world.run(world.credit_command(person, 500_000))
    early = settle(world, person, ("C1", 300_000))
    later = settle(world, person, ("A1", 900_000), institution=OTHER_HOSPITAL, account_used=True)
    # What was own cost counts: the later one is a second stay, with half the deductible.
    corrected = correct(world, early, charged(("A1", 300_000)))
    assert move(world, person).amount_fen == 50_000
    world.reverse(corrected.settlement.settlement_id)
    found = find_both_columns(world.queries, REGION, later, parse_caller(AGENCY))
    assert found.record.effective.deductible_fen == 100_000
    assert found.record.effective.account_fen == 50_000
    assert found.effective is not None
    assert_books_are_right(world)
