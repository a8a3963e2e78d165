"""What becomes of later bills of a person of whom an earlier one is taken back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from support.benefit_oracle.memory import Memory

from .books import Books, Input
from .columns import Column, Purses
from .fold import Adjusting
from .ledger import owed_fen
from .operations import OfPerson, TakeBack
from .outcomes import Answer
from .refusals import Refused
from .region import OwnDebts
from .settlements import Settlement, State
from .settling import post_counter, quoted
from .terms import decide


@dataclass(frozen=True, slots=True)
class Later:
    """Later bills that were restated, with those in their places, and what a counter asks for."""

    restated: Mapping[str, str] = field(default_factory=dict)
    restated_cash_fen: int = 0

    def check(self, asked: TakeBack) -> None:
        """Refuses what asks for other cash than the caller knows of."""
        told = asked.restated_cash_fen
        if told is None and self.restated:
            raise Refused("AMOUNTS_NOT_CONFIRMED", restated_cash_fen=self.restated_cash_fen)
        if told is not None and told != self.restated_cash_fen:
            raise Refused("AMOUNTS_NOT_AS_EXPECTED", restated_cash_fen=self.restated_cash_fen)

    def answer(self, adjusting: Adjusting, column: Column, *named: str) -> Answer:
        """Returns what is told of an act that names some bills."""
        return Answer(
            column,
            adjusting.later(*named, *self.restated, *self.restated.values()),
            restated=self.restated,
            restated_cash_fen=self.restated_cash_fen,
        )


def move_later(
    adjusting: Adjusting, asked: TakeBack, named: Settlement, *, is_override: bool
) -> Later:
    """Folds the bills of a person, of which `named` is taken back.

    Refuses where the newest is to go first, unless two operators override that, and answers
    debts of the institution's own bills as the region says.
    """
    region, later = adjusting.books.region, Later()
    if not is_override and (region.newest_first or region.own_debts is not OwnDebts.DIFFERENCE):
        tried = adjusting.copied()
        tried.fold(named.person_id, named=named)
        if region.newest_first:
            _check_newest_first(tried, named)
        if not asked.by_agency and _leaves_own_debt(adjusting.books, tried, named):
            if region.own_debts is OwnDebts.REFUSE:
                raise _exist(_moved(tried, named), named)
            if region.own_debts is OwnDebts.RESTATE:
                later = _restate(adjusting, asked, _moved(tried, named))
    adjusting.fold(named.person_id, named=named)
    return later


def _moved(adjusting: Adjusting, named: Settlement) -> list[Settlement]:
    """Returns the settled bills behind that somebody else pays for by now."""
    return [
        each
        for each in adjusting.books.alive(named.person_id)
        if each.place > named.place and each.settlement_id in adjusting.adjusted
    ]


def _check_newest_first(adjusting: Adjusting, named: Settlement) -> None:
    held = [
        each
        for each in adjusting.books.alive(named.person_id)
        if each.place > named.place and each.state is State.HELD
    ]
    touched = [*_moved(adjusting, named), *held]
    if touched:
        raise _exist(touched, named)


def _exist(touched: Iterable[Settlement], named: Settlement) -> Refused:
    newest = sorted(touched, key=lambda each: each.place, reverse=True)
    own = [each.settlement_id for each in newest if each.institution_id == named.institution_id]
    return Refused("LATER_SETTLEMENTS_EXIST", own=own, elsewhere=len(newest) - len(own))


def _leaves_own_debt(before: Books, tried: Adjusting, named: Settlement) -> bool:
    """Tells whether all bills that move are of one institution, and the person owes more."""
    moved = _moved(tried, named)
    more_fen = sum(
        owed_fen(before.settlements[each.settlement_id]) - owed_fen(each) for each in moved
    )
    is_own = all(each.institution_id == named.institution_id for each in moved)
    return is_own and more_fen > 0


def _restate(adjusting: Adjusting, asked: TakeBack, moved: list[Settlement]) -> Later:
    """Puts bills in the places of later ones, which the counter shows as what they cost now."""
    books, cash_fen = adjusting.books, 0
    costs = {each.settlement_id: each.effective for each in moved}
    restated: dict[str, str] = {}
    windows = books.region.terms.no_windows()
    for each in books.alive(moved[0].person_id):
        old, now = each, each
        if old.settlement_id in costs:
            name = f"{old.settlement_id} by {asked.op_id}"
            gone = adjusting.take_back(old, old.emptied(State.CORRECTED))
            post_counter(books, "REVERSAL", old, gone, asked.op_id)
            # The account bears what it bears in effect, and no more.
            now = _quoted_again(
                name, old, books.holder(old.person_id), windows, costs[old.settlement_id].purses
            )
            books.settlements[name] = now
            post_counter(books, "SETTLEMENT", now.emptied(State.SETTLED), now, asked.op_id)
            books.inputs.append(Input(name, "CORRECTED", asked.op_id))
            restated[old.settlement_id] = name
            cash_fen += now.counter.cash_fen - old.counter.cash_fen
        windows = decide(now.terms, now.bill_now, windows).after
    return Later(restated, cash_fen)


def _quoted_again(
    name: str, old: Settlement, person_id: str, windows: Memory, purses: Purses
) -> Settlement:
    """Returns the same bill as a counter shows it on `windows`, on the terms that it has now."""
    said = OfPerson(
        op_id=name, person_id=person_id, institution_id=old.institution_id, bill=old.bill
    )
    now, _ = quoted(
        said,
        place=old.place,
        terms=old.terms,
        windows=windows,
        available=purses,
        is_liable=old.is_liable,
    )
    return now
