"""What agencies do: new terms, money that settles differences, closings, and time."""

from dataclasses import replace

from .books import Books, Input
from .columns import NO_PURSES, Purses
from .fold import Adjusting
from .operations import Close, Credit, Expire, Merge, MoveDue, PassTime, Reprice, SettleDifference
from .outcomes import Answer
from .refusals import Refused
from .returning import settled
from .settlements import Settlement, State


def reprice(books: Books, asked: Reprice) -> Answer:
    """Puts new terms on whole stays; the counter's columns stay, holds keep their terms."""
    if asked.maker == asked.checker:
        raise Refused("SAME_MAKER_AND_CHECKER")
    named = [settled(books, settlement_id) for settlement_id in asked.settlement_ids]
    adjusting = Adjusting(books, asked.op_id)
    for each in _of_same_stays(books, named):
        terms = books.region.versions[asked.terms] if asked.terms else each.terms
        is_liable = each.is_liable if asked.is_liable is None else asked.is_liable
        books.settlements[each.settlement_id] = replace(each, terms=terms, is_liable=is_liable)
        books.inputs.append(
            Input(each.settlement_id, "REPRICED", asked.op_id, asked.maker, asked.checker)
        )
    for person_id in dict.fromkeys(books.holder(each.person_id) for each in named):
        adjusting.fold(person_id)
    return Answer(later_adjusted=len(adjusting.adjusted))


def _of_same_stays(books: Books, named: list[Settlement]) -> list[Settlement]:
    """Returns what is settled of the stays of some bills."""
    stays = {stay for each in named for stay in _stays_of(books, each)}
    return [
        each
        for each in books.settlements.values()
        if each.state is State.SETTLED and stays & _stays_of(books, each)
    ]


def _stays_of(books: Books, settlement: Settlement) -> set[tuple[str, str]]:
    """Returns the stay that a bill was decided in, and the visit that its transfers began with.

    The policy says after how many days a transfer is a stay of its own; its terms do not part
    what was one.
    """
    visit_id = settlement.bill.visit_id
    decided = books.windows_of(settlement.person_id).stays.stay_of.get(visit_id, visit_id)
    begun = str(settlement.bill.words.get("chain", visit_id))
    holder = books.holder(settlement.person_id)
    return {(holder, decided), (holder, begun)}


def credit(books: Books, asked: Credit) -> Answer:
    """Puts money into a personal account."""
    fen, person = asked.amount_fen, asked.person_id
    _check_not_merged(books, person)
    entries = [("source:allocation", -fen), (f"person:{person}", fen)]
    books.post("CREDIT", person, asked.op_id, entries)
    return Answer(amount_fen=fen)


def settle_difference(books: Books, asked: SettleDifference) -> Answer:
    """Pays out or collects, never beyond the balance."""
    person, fen = asked.person_id, asked.amount_fen
    _check_not_merged(books, person)
    owed_fen = books.balance_fen("difference", person)
    if not fen or not (0 < fen <= owed_fen or owed_fen <= fen < 0):
        raise Refused("DIFFERENCE_NOT_OPEN")
    kind = "DIFFERENCE_PAID" if fen > 0 else "DIFFERENCE_COLLECTED"
    entries = [(f"difference:{person}", -fen), (f"payment:{asked.op_id}", fen)]
    books.post(kind, person, asked.op_id, entries)
    books.tell(person, fen)
    return Answer(amount_fen=fen)


def move_due(books: Books, asked: MoveDue) -> Answer:
    """Puts into a purse what it paid too much, settlement by settlement."""
    owner, moved_fen = asked.person_id, 0
    _check_not_merged(books, owner)
    for each in list(books.settlements.values()):
        owners = books.owners(each.person_id)
        due = Purses(
            *(
                fen if each.state is State.SETTLED and purse_owner == owner else 0
                for purse_owner, fen in zip(owners, each.due, strict=True)
            )
        )
        if due == NO_PURSES:
            continue
        name = each.settlement_id
        books.settlements[name] = replace(each, moved=each.moved.plus(due))
        entries = [(f"due:{owner}", -due.fen), (f"person:{owner}", due.fen)]
        books.post("MOVE", name, asked.op_id, entries)
        moved_fen += due.fen
    if not moved_fen:
        raise Refused("NOTHING_DUE")
    return Answer(amount_fen=moved_fen)


def _check_not_merged(books: Books, person_id: str) -> None:
    if person_id in books.merged:
        raise Refused("PERSON_MERGED")


def merge(books: Books, asked: Merge) -> Answer:
    """Makes two records one person: the money of both together, and all bills in one order."""
    retired, survivor = asked.retired_id, asked.person_id
    _check_not_merged(books, retired)
    _check_not_merged(books, survivor)
    fen = books.balances.get(f"person:{retired}", 0)
    books.post(
        "MERGE", retired, asked.op_id, [(f"person:{retired}", -fen), (f"person:{survivor}", fen)]
    )
    adjusting = Adjusting(books, asked.op_id)
    books.merged[retired] = survivor
    books.windows.pop(retired, None)
    adjusting.fold(survivor)
    return Answer(later_adjusted=len(adjusting.adjusted))


def close(books: Books, asked: Close) -> Answer:
    """Closes a month of an institution or a year of all; nothing is decided again."""
    books.months[asked.institution_id] = books.months.get(asked.institution_id, 0) + 1
    if not asked.institution_id:
        books.months |= {each: books.months.get(each, 0) + 1 for each in books.region.institutions}
        books.statements[len(books.statements)] = {
            person_id: windows.copy().windows for person_id, windows in books.windows.items()
        }
    return Answer()


def pass_time(books: Books, asked: PassTime) -> Answer:
    """Lets the clock go on."""
    books.now += asked.seconds
    return Answer()


def expire(_books: Books, _asked: Expire) -> Answer:
    """Does nothing more: holds that have run out end before any operation."""
    return Answer()
