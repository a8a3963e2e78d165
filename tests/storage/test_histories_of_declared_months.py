"""Random histories of declared months come to what a plain oracle reckons, fen by fen."""

import pytest
from support.benefit_world import benefit_world
from support.charges import assert_books_are_right
from support.databases import Databases, in_turns
from support.declared_months.oracle import PERSON, TREASURY, Declared
from support.declared_months.play import Play

from yibao.settlement.v1.declaration_pb2 import Declaration, DeclarationState

STEPS = 110


def as_told(told: Declaration) -> dict[str, tuple[int, ...]]:
    """Returns each payer's part by the names of the oracle: declared to payable."""
    names = {"person:": PERSON, "bearer:treasury": TREASURY}
    return {
        names.get(each.account_id, each.account_id.removeprefix("fund:")): (
            *(each.declared_fen, each.deducted_fen, each.offset_fen),
            *(each.deposit_fen, each.payable_fen),
        )
        for each in told.shares
        if any((each.declared_fen, each.deducted_fen, each.offset_fen))
    }


def as_reckoned(of: Declared) -> dict[str, tuple[int, ...]]:
    declared, payable = of.declared, of.payable
    payers = sorted({*declared, *of.deducted, *of.offset})
    shares = {
        payer: (declared[payer], of.deducted[payer], of.offset[payer], of.deposit[payer])
        for payer in payers
    }
    return {payer: (*share, payable[payer]) for payer, share in shares.items() if any(share[:3])}


def assert_as_reckoned(play: Play) -> None:
    for name, of in play.oracle.declared.items():
        told = play.desk.read(name)
        assert DeclarationState.Name(told.state) == f"DECLARATION_STATE_{of.state}"
        assert as_told(told) == as_reckoned(of)
        assert told.payable_fen == sum(of.payable.values())
        assert told.sum.act_count == len(of.acts)
    reckoned = {account: fen for account, fen in play.oracle.balances.items() if fen}
    assert play.books.balances() == reckoned


@pytest.mark.parametrize(("databases", "seed"), in_turns((8, 16, 22, 35)), indirect=["databases"])
def test_random_months_come_to_what_is_reckoned(databases: Databases, seed: int) -> None:
    play = Play(benefit_world(databases), seed)
    for step in range(STEPS):
        play.step()
        if step % 20 == 19:
            assert_as_reckoned(play)
    play.end()
    assert_as_reckoned(play)
    assert_books_are_right(play.books.world)
    # Every act of a month that is over is in one declaration that stands.
    standing = [
        act
        for of in play.oracle.declared.values()
        if of.state not in ("WITHDRAWN", "REJECTED")
        for act in of.acts
    ]
    assert len(standing) == len(play.oracle.acts)
    for what in ("taken back", "declared", "negative", "paid", "RELEASE"):
        assert play.done[what], (what, seed, play.done)
