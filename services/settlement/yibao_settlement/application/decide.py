"""One command at a time over the working set of its batch.

The order of the checks is part of the contract: a repeated request first, then whether
the caller may see the thing at all, then its state, then the code, then the contents.
"""

from yibao_common.values.ids import Ids
from yibao_settlement.application.commands import (
    Command,
    CreditAccount,
    RegisterVisit,
    ReverseSettlement,
    SettleBill,
)
from yibao_settlement.application.credit import credit
from yibao_settlement.application.ports import Encoder
from yibao_settlement.application.register_visit import register_visit
from yibao_settlement.application.reverse import reverse
from yibao_settlement.application.settle import settle
from yibao_settlement.application.working_set import WorkingSet


def decide(command: Command, working_set: WorkingSet, *, ids: Ids, encoder: Encoder) -> bytes:
    """Carries out one command and returns the bytes of its answer.

    Raises RuleError where it is refused; the working set is then as it was.
    """
    known = working_set.replay(command.request_id, command.digest)
    if known is not None:
        return known
    match command:
        case SettleBill():
            response = settle(command, working_set, ids, encoder)
        case RegisterVisit():
            response = register_visit(command, working_set, ids, encoder)
        case ReverseSettlement():
            response = reverse(command, working_set, ids, encoder)
        case CreditAccount():
            response = credit(command, working_set, ids, encoder)
    return working_set.answer(
        command.request_id, command.digest, response, method=type(command).__name__
    )
