"""What the ledger checker examines of relatives' accounts that paid.

Each fault is a subject and what is wrong with it.
"""

from collections.abc import Iterable, Iterator, Mapping

from yibao_settlement.application.family.state import FamilyPayment
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.rules.family import FamilyPart, after_moves, family_entries

Fault = tuple[str, str]


def payment_faults(
    payments: Mapping[str, Iterable[FamilyPayment]], posted: Mapping[str, Mapping[str, int]]
) -> Iterator[Fault]:
    """Yields postings that moved other than is told of them; both are by posting."""
    for posting_id in sorted({*payments, *posted}):
        told = list(payments.get(posting_id, ()))
        if not told:
            yield posting_id, "moved money of relatives, and nothing tells of it"
            continue
        parts = [(each.to_id, each.amount_fen, each.carried_fen) for each in told]
        receiver_id = told[0].receiver_id
        owed = [
            {
                entry.account_id: entry.amount_fen
                for entry in family_entries(
                    parts, receiver_id=receiver_id, is_receiver_carried=is_carried
                )
            }
            for is_carried in (False, True)
        ]
        booked = dict(posted.get(posting_id, {}))
        if booked not in owed:
            yield posting_id, f"posted {booked}, relatives' parts come to {owed[0]}"


def outstanding_faults(
    standing: Iterable[SettlementRecord], payments: Iterable[FamilyPayment]
) -> Iterator[Fault]:
    """Yields bills of a person of which relatives paid other than what is not given back.

    `standing` are those settled and held, `payments` all for the person's bills.
    """
    owed = {
        record.place: _by_giver(after_moves(record.family, record.moved_fen)) for record in standing
    }
    paid: dict[str, dict[str, int]] = {}
    for each in payments:
        of_bill = paid.setdefault(each.place, {})
        of_bill[each.giver_id] = of_bill.get(each.giver_id, 0) + each.amount_fen
    for place in sorted({*owed, *paid}):
        left = {giver_id: fen for giver_id, fen in paid.get(place, {}).items() if fen}
        if left != owed.get(place, {}):
            yield (
                place,
                f"relatives' {left} fen are not given back, {owed.get(place, {})} pay of it",
            )


def _by_giver(parts: Iterable[FamilyPart]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in parts:
        found[part.giver_id] = found.get(part.giver_id, 0) + part.amount_fen
    return found
