"""Doubts about money: yuan that were written where fen are meant."""

from collections.abc import Iterator

from yibao_common.values.money import yuan
from yibao_settlement.rules.benefit.doubts.doubt import Doubt, DoubtKind, Place, placed_steps
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import DeductibleStep
from yibao_settlement.rules.benefit.windows import Window

# Regions ask for 10 yuan of a visit (a stay of one bill) and for 50 of a month or a year, and
# have no limits below these: what is smaller is mostly an amount in yuan.
_SMALL_FEN = 1_000
_SMALL_OF_LONG_FEN = 5_000
_LONG = {Window.MONTH, Window.YEAR}


def doubts_of_amounts(policy: BenefitPolicy) -> Iterator[Doubt]:
    """Yields deductibles and limits of a few yuan, steps first, then counters."""
    for step, place in placed_steps(policy):
        if isinstance(step, DeductibleStep):
            for number, due in enumerate(step.table.rows):
                at = (*place, "rows", number, "amount")
                yield from _small(step.id, at, due.value, step.window)
    for counter in policy.counters:
        for number, limited in enumerate(counter.table.rows):
            at = ("counters", counter.name, "rows", number, "limit")
            yield from _small(counter.name, at, limited.value, counter.window)


def _small(owner: str, place: Place, fen: object, window: Window) -> Iterator[Doubt]:
    if isinstance(fen, int) and 0 < fen < (_SMALL_OF_LONG_FEN if window in _LONG else _SMALL_FEN):
        told = yuan(fen)
        yield Doubt(
            DoubtKind.SMALL_AMOUNT,
            owner,
            place,
            f"{fen} fen is {told} yuan; amounts are in fen: {fen} yuan is {fen * 100:_}",
            f"{fen} 分即 {told} 元；金额以分计，{fen} 元应写作 {fen * 100:_}",
        )
