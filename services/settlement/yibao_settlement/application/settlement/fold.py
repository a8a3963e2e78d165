"""The fold: a person's bills that stand, decided again in order from one of them on.

The windows are those of all bills that stand. The bills from that one on are taken off them,
newest first, which restores what each found; then those that still stand are decided anew,
each on its own terms and on the windows that those before it left. So the effective column
depends on the bills that stand and their order, and never on how it came to be.
"""

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.settlement.benefit import (
    BenefitOutcome,
    balances_of,
    cost_again,
)
from yibao_settlement.application.settlement.explain import AnySplit, calculated
from yibao_settlement.application.settlement.folded import Folded, Restated
from yibao_settlement.application.settlement.record import Effective, SettlementRecord, by_place
from yibao_settlement.rules.account import Accumulators, Carried, accumulate
from yibao_settlement.rules.benefit.keeping import (
    KeptPlace,
    StayVisit,
    place_of,
    places_asked,
    taken_off,
)
from yibao_settlement.rules.benefit.policy import BenefitPolicy
from yibao_settlement.rules.benefit.steps import AccountStep, TiersStep
from yibao_settlement.rules.difference import effective_account_fen
from yibao_settlement.rules.family import after_moves
from yibao_settlement.rules.policy.any_policy import AnyPolicy

PolicyOf = Callable[[SettlementRecord], AnyPolicy | None]
# Returns a bill restated where it is, of what it costs by now; None where it stays.
Restate = Callable[[SettlementRecord, Effective], Restated | None]
Additions = Mapping[KeptPlace, Mapping[str, int]]

# Of which is remembered whether the account pays first: more than decide a person's bills.
_MOST_POLICIES = 256


def places_of(
    record: SettlementRecord, policy: AnyPolicy | None, *, holder_id: str
) -> set[KeptPlace]:
    """Returns where what a settlement found and adds is kept, and what it would ask for anew.

    `policy` is the one that decides what it costs by now.
    """
    places = places_anew(record.in_effect, policy, holder_id=holder_id)
    if not record.has_windows:
        places.add(KeptPlace(year=record.benefit_year))
        return places
    effective = record.effective
    for names in (effective.accumulations, effective.year_before):
        places.update([place_of(name, person_id=holder_id) for name in names])
    return places


def places_anew(
    record: SettlementRecord, policy: AnyPolicy | None, *, holder_id: str
) -> set[KeptPlace]:
    """Returns where that is kept which a bill starts from, if it is decided on its record."""
    if record.benefit is None or not isinstance(policy, BenefitPolicy):
        return {KeptPlace(year=record.benefit_year)}
    stay = StayVisit(record.benefit.stay_id, record.benefit.admission_date, record.service_date)
    return places_asked(policy, [stay], record.service_date, person_id=holder_id)


class Fold:
    """A person's bills while they are decided again, and what years and windows then hold.

    `kept` tells what these hold now; nothing is changed there.
    """

    def __init__(
        self,
        kept: Callable[[KeptPlace], Accumulators],
        policy_of: PolicyOf,
        *,
        holder_id: str,
    ) -> None:
        """Begins with the windows after the person's last bill."""
        self._kept = kept
        self._policy_of = policy_of
        self._holder_id = holder_id
        self._now: dict[KeptPlace, Accumulators] = {}
        self._revised: list[tuple[SettlementRecord, Effective]] = []
        self._restated: list[Restated] = []

    def row(self, place: KeptPlace) -> Accumulators:
        """Returns what a year or a scope holds after what was put there so far."""
        found = self._now.get(place)
        return self._kept(place) if found is None else found

    def take_off(self, records: Sequence[SettlementRecord]) -> None:
        """Takes the last bills, in the order of their places, off the windows."""
        for record in reversed(records):
            self._take_off(record, record.additions(holder_id=self._holder_id))

    def _take_off(self, record: SettlementRecord, additions: Additions) -> None:
        found = record.effective.year_before
        for place, added in additions.items():
            now = self.row(place)
            if not record.has_windows:
                changes = {name: -each for name, each in added.items()}
            else:
                changes = taken_off(now, found, added)
            self._now[place] = accumulate(now, changes.items())

    def decide(self, records: Iterable[SettlementRecord], restate: Restate | None = None) -> None:
        """Decides bills again, in the order of their places, each after those before it.

        Raises RuleError READJUDICATION_FAILED where a policy cannot decide one so.
        """
        for record in records:
            effective = self._effective(record)
            restated = None if restate is None else restate(record, effective)
            if restated is not None:
                self.put(restated.settlement, restated.settlement.counter)
                self._restated.append(restated)
                continue
            self.put(record, effective)
            if effective != record.effective:
                self._revised.append((record, effective))

    def decided(self, record: SettlementRecord) -> Effective:
        """Decides one bill after those before it, and puts it onto the windows.

        Raises RuleError READJUDICATION_FAILED where its policy cannot decide it so.
        """
        effective = self._effective(record)
        self.put(record, effective)
        return effective

    def _effective(self, record: SettlementRecord) -> Effective:
        by_now = record.in_effect
        policy = self._policy_of(by_now)
        before: dict[str, int] = {}
        for place in sorted(places_of(record, policy, holder_id=self._holder_id)):
            before.update(self.row(place))
        return decided_again(by_now, policy, before)

    def put(self, record: SettlementRecord, effective: Effective) -> None:
        """Puts what a bill costs whom onto the windows."""
        for place, added in _additions(record, effective, holder_id=self._holder_id).items():
            self._now[place] = accumulate(self.row(place), added.items())

    def result(self) -> Folded:
        """Returns what changed: of rows what is to be added, nothing where one is as it was."""
        changes: dict[KeptPlace, dict[str, int]] = {}
        for place, now in self._now.items():
            before = self._kept(place)
            moved = {
                name: now.get(name, 0) - before.get(name, 0)
                for name in sorted({*before, *now})
                if now.get(name, 0) != before.get(name, 0)
            }
            if moved:
                changes[place] = moved
        return Folded(changes, tuple(self._revised), tuple(self._restated))


def _additions(record: SettlementRecord, effective: Effective, *, holder_id: str) -> Additions:
    """Returns what a settlement adds to windows with another effective column."""
    if record.in_effect.benefit is None:
        return {KeptPlace(year=record.benefit_year): dict(effective.accumulations)}
    return by_place(effective.accumulations, holder_id=holder_id)


def decided_again(
    record: SettlementRecord, policy: AnyPolicy | None, before: Accumulators
) -> Effective:
    """Returns what a bill costs whom, on its record's terms, after what windows held `before` it.

    Raises RuleError READJUDICATION_FAILED where the policy cannot decide it so.
    """
    if policy is None or isinstance(policy, BenefitPolicy) != (record.benefit is not None):
        raise _failed(record)
    try:
        split = _split_again(record, policy, before)
    except RuleError as error:
        raise _failed(record) from error
    return _effective_of(record, policy, split, before=before)


def _split_again(record: SettlementRecord, policy: AnyPolicy, before: Accumulators) -> AnySplit:
    if not isinstance(policy, BenefitPolicy):
        return calculated(asked_again(record, policy, before), policy)
    return cost_again(policy, record, before, balances_of(_as_paid(record, policy)))


def asked_again(
    record: SettlementRecord, policy: AnyPolicy, before: Accumulators
) -> SettlementRecord:
    """Returns a bill as it is asked what it costs after what windows held `before` it.

    No balance of today counts: the account is asked for what it paid. One that pays before the
    funds leaves them what it has got back, of earlier years' money first.
    """
    return _as_paid(record, policy)._replace(year_before=before)


def _as_paid(record: SettlementRecord, policy: AnyPolicy) -> SettlementRecord:
    """Returns a bill of which the account is asked for what it paid, or still pays."""
    back_fen = record.moved_fen if pays_before_funds(policy) else 0
    # What was moved went back to relatives first.
    family = after_moves(record.family, back_fen) if record.family else ()
    own_back_fen = max(back_fen - record.family_fen, 0)
    carried_fen = max(record.carried.paid_fen - own_back_fen, 0)
    return record._replace(
        balance_before_fen=record.account_fen - back_fen,
        carried=Carried(carried_fen, carried_fen),
        family=family,
    )


def _effective_of(
    record: SettlementRecord, policy: AnyPolicy, split: AnySplit, *, before: Accumulators
) -> Effective:
    personal_fen = split.account_fen + split.cash_fen
    account_fen = split.account_fen
    if not pays_before_funds(policy):
        # It was asked for what it paid: less is what it may not pay of the bill as it is now.
        account_fen = min(
            split.account_fen,
            effective_account_fen(
                personal_fen,
                counter_account_fen=record.account_fen,
                counter_personal_fen=record.personal_total_fen,
                moved_fen=record.moved_fen,
            ),
        )
    effective = Effective(
        split.fund_payments,
        split.deductible_fen,
        account_fen,
        personal_fen - account_fen,
        before,
        dict(split.accumulations),
    )
    if isinstance(split, BenefitOutcome):
        terms = split.terms
        return effective._replace(
            year_before=split.year_before,
            other_payments=terms.other_payments,
            arrears=terms.arrears,
        )
    return effective


@functools.lru_cache(_MOST_POLICIES)
def pays_before_funds(policy: AnyPolicy) -> bool:
    """Tells whether the account pays before some fund does, of what is then less."""
    if not isinstance(policy, BenefitPolicy):
        return False
    return any(
        isinstance(step, AccountStep)
        and any(isinstance(later, TiersStep) for later in policy.steps[number:])
        for number, step in enumerate(policy.steps)
    )


def _failed(record: SettlementRecord) -> RuleError:
    return RuleError(
        Reason.READJUDICATION_FAILED,
        "a later bill of the person cannot be decided again without this one",
        settlement_id=record.settlement_id,
    )


def later_than(
    gone: SettlementRecord,
    records: Iterable[SettlementRecord],
    *,
    holder_of: Callable[[str], str],
) -> list[SettlementRecord]:
    """Returns the person's bills behind one that stand, in the order of their places."""
    holder_id = holder_of(gone.person_id)
    return sorted(
        [
            record
            for record in records
            if record.place > gone.place
            and record.reversal is None
            and holder_of(record.person_id) == holder_id
        ],
        key=lambda record: record.place,
    )
