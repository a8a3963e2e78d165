"""What the ledger checker examines of one person, all merged records as one.

Each settlement by itself, the account, what years and windows keep, and that all bills which
stand, decided again in their order, cost what is booked.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping

from yibao_common.values.errors import InvariantError
from yibao_settlement.application.settlement.explain import AnySplit
from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.ledger_check.costs import fold_faults
from yibao_settlement.ledger_check.difference import difference_faults
from yibao_settlement.ledger_check.fold import folded
from yibao_settlement.ledger_check.hold import hold_faults
from yibao_settlement.ledger_check.limits import limit_faults
from yibao_settlement.ledger_check.mapping import FindMappings, mapping_faults
from yibao_settlement.ledger_check.places import place_faults
from yibao_settlement.ledger_check.report import INVARIANTS, Drift, Fault, LedgerReport
from yibao_settlement.ledger_check.settlement import settlement_faults
from yibao_settlement.ledger_check.used_up import Row, UsedUp, row_of_scope, row_of_year
from yibao_settlement.ledger_check.year import YearChecker
from yibao_settlement.rules.account import NO_PURSES
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.difference_order import DifferenceOrder
from yibao_settlement.rules.ledger import carried_account, person_account
from yibao_settlement.rules.policy.any_policy import AnyPolicy
from yibao_settlement.storage.ledger.person import KeptPerson, later_of


class PersonChecker:
    """Examines persons of a region, and adds what it finds to a report."""

    def __init__(
        self,
        region: str,
        report: LedgerReport,
        policy_of: Callable[[str], AnyPolicy | None],
        merged: Mapping[str, str],
        orders: Iterable[DifferenceOrder],
        years: YearChecker,
        mappings: FindMappings,
    ) -> None:
        """Takes how policies are found by version, and who took over whose account.

        `orders` are all that settled a difference of anybody; `years` examines statements.
        """
        self._region = region
        self._report = report
        self._policy_of = policy_of
        self._merged = merged
        self._years = years
        self._mappings = mappings
        self._orders: dict[str, list[DifferenceOrder]] = {}
        for order in orders:
            self._orders.setdefault(order.person_id, []).append(order)

    def check(self, person: KeptPerson) -> None:
        """Examines a person."""
        self._report.persons += len(person.purses)
        proven: dict[str, AnySplit] = {}
        self._tell(self._settlement_faults(person, proven))
        self._tell(_account_faults(person))
        self._tell(self._difference_faults(person))
        self._tell(place_faults(person))
        self._tell(mapping_faults(_records(person), self._mappings))
        self._tell(hold_faults(person, self._policy_of))
        self._report.held_until.update((each.hold_id, each.expire_time) for each in person.held)
        self._tell(self._fold_faults(person, proven))
        self._tell((22, subject, detail) for subject, detail in self._years.check(person))

    def _tell(self, faults: Iterator[Fault]) -> None:
        for number, subject, detail in faults:
            self._report.drifts.append(Drift(self._region, INVARIANTS[number], subject, detail))

    def _settlement_faults(
        self, person: KeptPerson, proven: dict[str, AnySplit]
    ) -> Iterator[Fault]:
        """Yields what is wrong with single settlements, and with what they come to."""
        used_up = UsedUp()
        for booked in person.settlements:
            self._report.settlements += 1
            record = booked.record
            if record is None:
                yield 4, booked.settlement_id, "its record cannot be read"
                continue
            policy = self._policy_of(record.policy_version)
            visit = booked.visit
            survivors = () if visit is None else later_of(self._merged, visit.person_id)
            for number, detail in settlement_faults(
                booked, record, policy, survivors=survivors, proven=proven
            ):
                yield number, booked.settlement_id, detail
            # A merged person's years count for who took the account over.
            holder_id = [record.person_id, *later_of(self._merged, record.person_id)][-1]
            try:
                used_up.count(record, holder_id=holder_id)
            except InvariantError as error:
                yield 6, booked.settlement_id, str(error)
        for hold in person.held:
            used_up.count(hold.record, holder_id=hold.holder_id)
        for subject, detail in used_up.faults(_kept_rows(person)):
            yield 6, subject, detail

    def _difference_faults(self, person: KeptPerson) -> Iterator[Fault]:
        records = [each.record for each in person.settlements if each.record is not None]
        orders = [order for each in person.person_ids for order in self._orders.get(each, ())]
        for subject, detail in difference_faults(records, orders, _sums(person)):
            is_of_bill = subject in {record.settlement_id for record in records}
            yield 11, subject if is_of_bill else person.holder_id, detail

    def _fold_faults(self, person: KeptPerson, proven: Mapping[str, AnySplit]) -> Iterator[Fault]:
        if person.lost_hold_ids or any(each.record is None for each in person.settlements):
            self._report.unexamined += len(person.settlements)
            return
        standing = _standing(person)
        fold = folded(standing, self._policy_of, holder_id=person.holder_id, proven=proven)
        examined = sum(bill.costs is not None for bill in fold.bills)
        self._report.unexamined += len(standing) - examined
        yield from fold_faults(person, fold, self._report)
        versions = {record.in_effect.policy_version for record in standing}
        policies = {version: self._policy_of(version) for version in sorted(versions)}
        known = [each for each in policies.values() if isinstance(each, BenefitPolicy)]
        yield from limit_faults(person, known)


def _records(person: KeptPerson) -> list[SettlementRecord]:
    """Returns what can be read of a person's bills, settled and held, as they stand by now."""
    records = [each.record for each in person.settlements if each.record is not None]
    return [each.in_effect for each in (*records, *(hold.record for hold in person.held))]


def _standing(person: KeptPerson) -> list[SettlementRecord]:
    """Returns the bills that stand, settled or held, in the order of their places."""
    records = [
        booked.record
        for booked in person.settlements
        if booked.record is not None and booked.record.reversal is None
    ]
    records += [hold.record for hold in person.held]
    return sorted(records, key=lambda record: record.place)


def _kept_rows(person: KeptPerson) -> dict[Row, dict[str, int] | None]:
    kept = {row_of_year(*key): amounts for key, amounts in person.years.items()}
    kept.update({row_of_scope(scope): amounts for scope, amounts in person.scopes.items()})
    return kept


def _sums(person: KeptPerson) -> dict[str, int]:
    """Returns what entries come to, by account of the person."""
    sums: dict[str, int] = {}
    for entry in person.entries:
        sums[entry.account_id] = sums.get(entry.account_id, 0) + entry.amount_fen
    return sums


def _account_faults(person: KeptPerson) -> Iterator[Fault]:
    """Yields purses that hold other than their entries, and what merges left in them."""
    sums = _sums(person)
    for person_id in person.person_ids:
        purses = person.purses.get(person_id)
        for account, what, holds_fen in (
            (person_account, "", (purses or NO_PURSES).current_year_fen),
            (carried_account, " of earlier years", (purses or NO_PURSES).carried_fen),
        ):
            summed_fen = sums.get(account(person_id))
            if purses is None and summed_fen is not None:
                yield 2, person_id, "has entries but no account"
            elif holds_fen != (summed_fen or 0) or holds_fen < 0:
                yield 2, person_id, f"holds {holds_fen} fen{what}, entries sum to {summed_fen or 0}"
    for person_id in _retired(person):
        left_fen = person.purses.get(person_id, NO_PURSES).balance_fen
        if left_fen:
            yield 9, person_id, f"still holds {left_fen} fen"


def _retired(person: KeptPerson) -> Collection[str]:
    return [each for each in person.person_ids if each != person.holder_id]
