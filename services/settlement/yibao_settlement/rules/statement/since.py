"""What became of a bill since it was settled, as its statement tells: returned, decided again."""

import datetime as dt
from collections.abc import Iterator
from typing import NamedTuple

from yibao_common.values.money import yuan
from yibao_common.values.sheet import Column, Table
from yibao_settlement.rules.statement.sentences import Name, Sentence, say


class Returned(NamedTuple):
    """What was returned of a bill, all times together, in fen; a part that rose is negative.

    `line_count` is of lines that lost something, `last_day` the day of the last time.
    """

    last_day: dt.date
    line_count: int
    fund_total_fen: int
    other_total_fen: int
    account_fen: int
    cash_fen: int

    @property
    def total_fen(self) -> int:
        """What the returned goods cost."""
        return sum(self[2:])


class CostsNow(NamedTuple):
    """What a bill costs whom by now, in fen.

    `difference_fen` is what the person has paid too much of it, negative where too little;
    `due_fen` what the account has paid too much.
    """

    fund_total_fen: int
    other_total_fen: int
    account_fen: int
    cash_fen: int
    difference_fen: int
    due_fen: int


_AMOUNTS = ("金额", "基金支付", "其他方", "个人账户", "现金")
_PAYERS = (
    Name("医保", "insurance"),
    Name("其他方", "others"),
    Name("个人账户", "your account"),
    Name("现金", "you in cash"),
)


def table_since(
    returned: Returned | None, now: CostsNow | None, *, total_fen: int
) -> tuple[Table, ...]:
    """Returns the table of it; none of most bills. `total_fen` is what the bill comes to."""
    rows = []
    if returned is not None:
        rows.append(("退费退回", yuan(returned.total_fen), *map(yuan, returned[2:])))
    if now is not None:
        rows.append(("现在应为", yuan(total_fen), *map(yuan, now[:4])))
        owed = (yuan(now.due_fen), yuan(now.difference_fen))
        rows.append(("经办机构应退您（应补为负数）", "", "", "", *owed))
    if not rows:
        return ()
    amounts = [Column(title, 5, is_amount=True) for title in _AMOUNTS]
    return (Table((Column("结算后的变动", 9), *amounts), tuple(rows)),)


def sentences_since(returned: Returned | None, now: CostsNow | None) -> Iterator[Sentence]:
    """Yields what was returned, and what the bill costs by now."""
    if returned is not None:
        yield from _returned(returned)
    if now is not None:
        yield from _now(now)


def _returned(returned: Returned) -> Iterator[Sentence]:
    yield say(
        "RET1",
        count=str(returned.line_count),
        total=returned.total_fen,
        date=returned.last_day.isoformat(),
    )
    parts = tuple(returned[2:])
    if not returned.other_total_fen and min(parts) >= 0:
        funds, _, account, cash = parts
        yield say("RET2", funds=funds, account=account, cash=cash)
        return
    for payer, fen in zip(_PAYERS, parts, strict=True):
        if fen:
            yield say("RET3" if fen > 0 else "RET4", payer=payer, amount=abs(fen))


def _now(now: CostsNow) -> Iterator[Sentence]:
    yield say("NOW0")
    yield say("NOW1", funds=now.fund_total_fen, account=now.account_fen, cash=now.cash_fen)
    if now.difference_fen:
        which = "NOW2" if now.difference_fen > 0 else "NOW3"
        yield say(which, owed=abs(now.difference_fen))
    if now.due_fen:
        yield say("NOW4", due=now.due_fen)
