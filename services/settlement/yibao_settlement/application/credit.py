"""Crediting a personal account from a source of funds."""

from yibao_common.values.ids import Ids
from yibao_settlement.application.commands import CreditAccount
from yibao_settlement.application.ports import Encoder
from yibao_settlement.application.records import Credit
from yibao_settlement.application.working_set import WorkingSet
from yibao_settlement.rules.enrolment import not_enrolled_here
from yibao_settlement.rules.ledger import PostingKind, credit_entries
from yibao_settlement.rules.standing import check_not_merged


def credit(command: CreditAccount, working_set: WorkingSet, ids: Ids, encoder: Encoder) -> bytes:
    """Credits an account and returns the bytes of the answer.

    Raises RuleError PERSON_MERGED or PERSON_NOT_ENROLLED; the working set is then as it was.
    """
    person_id = command.person_id
    check_not_merged(working_set.standing(person_id))
    if person_id not in working_set.enrolments:
        raise not_enrolled_here()
    entries = credit_entries(
        source=command.source, person_id=person_id, amount_fen=command.amount_fen
    )
    posting_id = ids()
    standing = working_set.change_person(person_id, balance_change_fen=command.amount_fen)
    working_set.post(posting_id, PostingKind.CREDIT, entries)
    return encoder.credited(Credit(posting_id, working_set.region, standing, entries))
