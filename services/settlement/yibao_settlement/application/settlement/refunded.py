"""That lines of a settlement were returned: what is kept of it beside what is left."""

import datetime as dt
from typing import NamedTuple

from yibao_settlement.rules.refund import ReturnedLine


class GivenBack(NamedTuple):
    """What the counter gives back, in fen; a part that rises instead is negative.

    `others` are bearers, the hospital itself and who had paid already. All four together are
    what the returned goods cost.
    """

    fund_total_fen: int
    other_total_fen: int
    account_fen: int
    cash_fen: int


class Refund(NamedTuple):
    """That lines of a settlement were returned: which, when, why and by whom.

    `number` is 1 for the first of a settlement. What the account and its earlier years' money
    held after it are in fen.
    """

    refund_id: str
    settlement_id: str
    number: int
    request_id: str
    refund_time: dt.datetime
    reason: str
    refunded_by: str
    returned: tuple[ReturnedLine, ...]
    given_back: GivenBack
    balance_after_fen: int
    carried_after_fen: int
