"""What a person's bills cost by the fold, beside what is booked; told in words and yuan."""

from collections.abc import Iterator, Mapping

from yibao_common.values.money import yuan
from yibao_settlement.application.settlement.record import Effective
from yibao_settlement.ledger_check.fold import Folded
from yibao_settlement.ledger_check.report import Fault, LedgerReport
from yibao_settlement.rules.benefit.steps import Bearer
from yibao_settlement.rules.ledger import (
    bearer_account,
    difference_account,
    due_account,
)
from yibao_settlement.storage.ledger.entries import OF_SETTLEMENTS
from yibao_settlement.storage.ledger.person import KeptPerson

# Their numbers among the invariants.
_COST, _WINDOWS, _PAID, _DIFFERENCE = 12, 13, 14, 15
_HOSPITAL = bearer_account(Bearer.HOSPITAL.value)


def fold_faults(person: KeptPerson, fold: Folded, report: LedgerReport) -> Iterator[Fault]:
    """Yields where what is booked and kept of a person is not what the fold gives.

    Adds to the report by how much payers have paid too much.
    """
    of_person = f"of person {person.holder_id}"
    for record, costs, fault in fold.bills:
        if costs is None:
            # A policy that is not stored is told of the settlement itself.
            if record.policy_version not in fault:
                yield _COST, record.settlement_id, f"{of_person} {fault}"
            return
        if not costs.costs_as(record.effective):
            yield (
                _COST,
                record.settlement_id,
                (
                    f"{of_person} costs {_words(costs)} behind the bills before it, "
                    f"booked are {_words(record.effective)}"
                ),
            )
        elif record.adjustment is not None and costs != record.effective:
            yield (
                _COST,
                record.settlement_id,
                (f"{of_person} is adjusted after other windows than the bills before it leave"),
            )
    yield from _window_faults(person, fold)
    yield from _paid_faults(person, fold, report)
    yield from _difference_faults(person, fold)


def _words(costs: Effective) -> str:
    """Returns who bears how much, in yuan."""
    borne = costs.borne
    parts = [f"{account_id} {yuan(fen)}" for account_id, fen in sorted(borne.payers.items()) if fen]
    parts += [f"account {yuan(borne.account_fen)}", f"cash {yuan(borne.cash_fen)}"]
    if borne.arrears_fen:
        parts.append(f"of these {yuan(borne.arrears_fen)} owed for earlier bills")
    return ", ".join(parts)


def _window_faults(person: KeptPerson, fold: Folded) -> Iterator[Fault]:
    assert fold.windows is not None, "every bill was decided"
    kept = person.kept
    for place in sorted(kept.keys() | fold.windows.keys()):
        stored, derived = kept.get(place, {}), dict(fold.windows.get(place, {}))
        # What cannot be read is told where settlements are summed up.
        if stored is not None and stored != derived:
            names = sorted(
                name
                for name in stored.keys() | derived.keys()
                if stored.get(name, 0) != derived.get(name, 0)
            )
            told = ", ".join(
                f"{each} {stored.get(each, 0)}, not {derived.get(each, 0)}" for each in names
            )
            if names:
                subject = f"{person.holder_id} in {place.year}"
                if place.scope:
                    subject = f"windows of {place.scope}"
                yield _WINDOWS, subject, f"of person {person.holder_id} keeps {told}"


def _paid_faults(person: KeptPerson, fold: Folded, report: LedgerReport) -> Iterator[Fault]:
    """Yields what payers have paid for all bills of a person, other than the fold gives."""
    owed: dict[str, int] = {}
    for record, costs, _ in fold.bills:
        assert costs is not None, "every bill was decided"
        if record.is_held:
            continue
        for account_id, fen in costs.borne.payers.items():
            owed[account_id] = owed.get(account_id, 0) + fen
        # A hospital is owed what it showed: only what moved since is posted.
        shown = record.counter
        shown_fen = shown.borne.payers.get(_HOSPITAL, 0) if shown.other_payments else 0
        owed[_HOSPITAL] = owed.get(_HOSPITAL, 0) - shown_fen
    paid: dict[str, int] = {}
    for account_id, fen in _posted(person, "fund:", "bearer:"):
        paid[account_id] = paid.get(account_id, 0) - fen
    wrong = {
        account_id: paid.get(account_id, 0) - owed.get(account_id, 0)
        for account_id in sorted(paid.keys() | owed.keys())
        if paid.get(account_id, 0) != owed.get(account_id, 0)
    }
    if wrong:
        for account_id, fen in wrong.items():
            report.overpaid_fen[account_id] = report.overpaid_fen.get(account_id, 0) + fen
        parts = [f"{account_id} {yuan(fen)}" for account_id, fen in wrong.items()]
        yield (
            _PAID,
            person.holder_id,
            (
                f"was paid {yuan(sum(wrong.values()))} too much for bills that stand: "
                f"{', '.join(parts)}"
            ),
        )


def _difference_faults(person: KeptPerson, fold: Folded) -> Iterator[Fault]:
    """Yields where settlements posted another difference or due than the fold makes of them.

    What was paid out, collected or moved since is no concern here.
    """
    difference_fen = due_fen = 0
    for record, costs, _ in fold.bills:
        assert costs is not None, "every bill was decided"
        if record.is_held:
            continue
        difference_fen += record.cash_fen - costs.cash_fen + costs.arrears_fen
        due_fen += record.account_fen - costs.account_fen
    # An adjustment that took moved money out of an account again owed it that no more.
    due_fen -= sum(
        move.amount_fen
        for booked in person.settlements
        for move, _ in booked.moved
        if move.amount_fen < 0
    )
    for account, name, owed_fen in (
        (difference_account, "difference", difference_fen),
        (due_account, "due to the account", due_fen),
    ):
        own = {account(each) for each in person.person_ids}
        booked_fen = sum(
            entry.amount_fen
            for entry in person.entries
            if entry.account_id in own and entry.kind in OF_SETTLEMENTS
        )
        if booked_fen != owed_fen:
            yield (
                _DIFFERENCE,
                person.holder_id,
                (f"has {yuan(booked_fen)} booked as {name} of bills, which make {yuan(owed_fen)}"),
            )


def _posted(person: KeptPerson, *prefixes: str) -> Iterator[tuple[str, int]]:
    """Yields what postings of settlements moved on accounts, in fen."""
    for booked in person.settlements:
        moved: list[Mapping[str, int]] = [booked.posted, booked.taken_back]
        moved += [posted for _, posted in (*booked.refunded, *booked.adjusted)]
        for amounts in moved:
            for account_id, fen in amounts.items():
                if account_id.startswith(prefixes):
                    yield account_id, fen
