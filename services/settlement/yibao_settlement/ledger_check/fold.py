"""The ledger checker's own fold: a person's bills that stand, decided in order from nothing.

Every bill is decided on the windows that those before it left, whatever its settlement says
that it found, by the calculation that explains settlements; two evaluators prove that one
elsewhere. Nothing else is taken from the engine: order, windows and what the account bears
are derived here.
"""

import itertools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from yibao_common.values.errors import InvariantError, RuleError
from yibao_settlement.application.settlement.benefit import BenefitOutcome
from yibao_settlement.application.settlement.explain import AnySplit, calculated
from yibao_settlement.application.settlement.record import Effective, SettlementRecord
from yibao_settlement.rules.account import Carried
from yibao_settlement.rules.benefit.keeping import KeptPlace, StayVisit, place_of, places_asked
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import AccountStep, TiersStep
from yibao_settlement.rules.family import after_moves
from yibao_settlement.rules.policy.any_policy import AnyPolicy

PolicyOf = Callable[[str], AnyPolicy | None]
Rows = dict[KeptPlace, dict[str, int]]


class FoldedBill(NamedTuple):
    """A bill, and what it costs whom after those before it; None where that is not to be had.

    `fault` says why.
    """

    record: SettlementRecord
    costs: Effective | None
    fault: str = ""


class Folded(NamedTuple):
    """A person's bills in their order, and what years and windows hold after them.

    After a bill that could not be decided there are no further ones, and no windows.
    """

    bills: tuple[FoldedBill, ...]
    windows: Mapping[KeptPlace, Mapping[str, int]] | None


def folded(
    records: Sequence[SettlementRecord],
    policy_of: PolicyOf,
    *,
    holder_id: str,
    proven: Mapping[str, AnySplit],
) -> Folded:
    """Decides the bills of a person that stand, which come in the order of their places.

    `policy_of` finds a policy by its version. The months of all are kept under `holder_id`.
    `proven` are, by settlement, calculations that came out as they are recorded: a bill that
    finds here what it found then is not decided twice.
    """
    rows: Rows = {}
    bills: list[FoldedBill] = []
    for record in records:
        version = record.in_effect.policy_version
        policy = policy_of(version)
        if policy is None:
            bills.append(FoldedBill(record, None, f"policy {version} is not stored"))
            return Folded(tuple(bills), None)
        try:
            split = proven.get(record.settlement_id)
            costs = _decided(record.in_effect, policy, rows, split, holder_id=holder_id)
        except (RuleError, InvariantError, ArithmeticError, ValueError) as error:
            bills.append(FoldedBill(record, None, f"cannot be decided behind those: {error}"))
            return Folded(tuple(bills), None)
        bills.append(FoldedBill(record, costs))
    return Folded(tuple(bills), rows)


def _decided(
    record: SettlementRecord,
    policy: AnyPolicy,
    rows: Rows,
    proven: AnySplit | None,
    *,
    holder_id: str,
) -> Effective:
    """Returns what a bill costs whom, and adds what it uses up to `rows`."""
    if isinstance(policy, BenefitPolicy) != (record.benefit is not None):
        raise InvariantError("its terms are not of the format of its policy")
    found: dict[str, int] = {}
    for place in _asked(record, policy, holder_id=holder_id):
        found.update(rows.get(place, {}))
    is_untouched = record.adjustment is None and record.newest_terms is None
    if proven is not None and is_untouched and _is_same(record, proven, found):
        _use_up(record, record.accumulations.items(), rows, holder_id=holder_id)
        return record.counter
    # Of the account it is known what it paid, and no balance counts.
    paid_fen, carried_fen = record.account_fen, record.carried.paid_fen
    family = record.family
    if _is_account_before_funds(policy):
        # What it has got back is left to the funds: relatives' first, then earlier years' money.
        paid_fen -= record.moved_fen
        own_back_fen = max(record.moved_fen - record.family_fen, 0)
        carried_fen = max(carried_fen - own_back_fen, 0)
        family = after_moves(record.family, record.moved_fen)
    split = calculated(
        record._replace(
            year_before=found,
            balance_before_fen=paid_fen,
            carried=Carried(carried_fen, carried_fen),
            family=family,
        ),
        policy,
    )
    _use_up(record, split.accumulations, rows, holder_id=holder_id)
    return _costs(record, policy, split, found)


def _is_same(record: SettlementRecord, proven: AnySplit, found: Mapping[str, int]) -> bool:
    """Tells whether a bill was calculated on what it finds: then it costs what it did.

    Of the account it is asked for what it paid, which it then pays again.
    """
    if not isinstance(proven, BenefitOutcome):
        return record.year_before == found
    # Windows that it opened and that were empty are told by nothing: whatever more is found
    # now may decide it otherwise.
    own = f"{record.insurance_type} "
    return record.year_before == {
        name: value for name, value in found.items() if name.startswith(own)
    }


def _use_up(
    record: SettlementRecord,
    used: Iterable[tuple[str, int]],
    rows: Rows,
    *,
    holder_id: str,
) -> None:
    for name, value in used:
        place = KeptPlace(year=record.benefit_year)
        if record.benefit is not None:
            place = place_of(name, person_id=holder_id)
        row = rows.setdefault(place, {})
        row[name] = row.get(name, 0) + value
        if not row[name]:
            del row[name]


def _asked(record: SettlementRecord, policy: AnyPolicy, *, holder_id: str) -> Iterator[KeptPlace]:
    """Yields where what the bill starts from is kept, in order."""
    if record.benefit is None or not isinstance(policy, BenefitPolicy):
        yield KeptPlace(year=record.benefit_year)
        return
    stay_id, admission_date = record.benefit.stay_id, record.benefit.admission_date
    stay = StayVisit(stay_id, admission_date, record.service_date)
    yield from sorted(places_asked(policy, [stay], record.service_date, person_id=holder_id))


def _costs(
    record: SettlementRecord, policy: AnyPolicy, split: AnySplit, found: Mapping[str, int]
) -> Effective:
    own_fen = split.account_fen + split.cash_fen
    account_fen = split.account_fen
    if not _is_account_before_funds(policy):
        # The policy was asked with what it paid, and tells how much of that it may still pay.
        account_fen = min(_account_fen(record, own_fen), split.account_fen)
    costs = Effective(
        split.fund_payments,
        split.deductible_fen,
        account_fen,
        own_fen - account_fen,
        found,
        dict(split.accumulations),
    )
    if not isinstance(split, BenefitOutcome):
        return costs
    terms = split.terms
    return costs._replace(
        year_before=split.year_before, other_payments=terms.other_payments, arrears=terms.arrears
    )


def _account_fen(record: SettlementRecord, own_fen: int) -> int:
    """Returns what the account bears of the person's own part, of what it paid at the counter.

    It gets back first what the person bears less, and pays nothing of what is more. What was
    moved back into it already it keeps.
    """
    paid_fen = record.account_fen
    saved_fen = paid_fen + record.cash_fen - own_fen
    if saved_fen > 0:
        paid_fen -= min(saved_fen, paid_fen)
    return min(paid_fen, record.account_fen - record.moved_fen, own_fen)


def _is_account_before_funds(policy: AnyPolicy) -> bool:
    """Tells whether funds pay of what the account left: then that decides what it bears."""
    if not isinstance(policy, BenefitPolicy):
        return False
    steps = itertools.dropwhile(lambda step: not isinstance(step, AccountStep), policy.steps)
    return any(isinstance(step, TiersStep) for step in steps)
