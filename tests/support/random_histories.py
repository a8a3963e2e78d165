"""Random histories of one person's bills, for the model and whoever is held to it."""

import random
from collections.abc import Iterator, Mapping
from typing import Any

from support.history_model.bills import Bill, Line
from support.history_model.examples import DAY, FACTS
from support.history_model.operations import (
    Close,
    Confirm,
    Correct,
    Credit,
    Expire,
    Hold,
    Interim,
    MoveDue,
    Operation,
    PassTime,
    Refund,
    Release,
    Reverse,
    Settle,
    SettleDifference,
)
from support.history_model.region import OwnDebts
from support.history_model.settlements import State
from support.history_model.world import World

LASTS_SECONDS = 30
MONTH_SECONDS = 31 * 24 * 3_600
CLASSES = ("01", "02", "03")


def random_operations(
    seed: int, model: World, *, is_dear: bool = False, closes: bool = False, steps: int = 48
) -> Iterator[Operation]:
    """Yields bills of stays at two institutions, and what becomes of any of them later.

    Some bills are held, for a while that may not be long enough. What lies between the funds
    and the person is settled at times, in whole or in part, and what is due to the account is
    moved into it. Where care `is_dear`, bills reach the limits of the year, and the account
    mostly pays: what leaves then gives money back to it. Where it `closes`, months go by and
    some are closed as soon as they are over, of an institution or of all.
    """
    chance = random.Random(seed)  # which bills there are is no secret
    yield Credit(op_id="C", person_id="p1", amount_fen=30_000_000 if is_dear else 3_000_000)
    standing: dict[str, Bill] = {}
    held: dict[str, Bill] = {}
    stay, institution = 1, "H1"
    # Own debts are those of one institution alone.
    places = ["H1", "H2"] if model.region.own_debts is OwnDebts.DIFFERENCE else ["H1"] * 9 + ["H2"]
    for step in range(steps):
        standing = still_standing(standing, model)
        if closes and step % 6 == 5:
            yield from random_end_of_month(chance, step)
            held.clear()
        of_agency = random_act_of_agency(chance, step, model)
        if of_agency is not None:
            yield of_agency
            continue
        if held and chance.random() < 0.3:
            yield from random_end_of_hold(chance, step, held, standing)
            continue
        kind = chance.random()
        if standing and kind < 0.2:
            gone = chance.choice(sorted(standing))
            del standing[gone]
            yield Reverse(op_id=f"r{step}", settlement_id=gone)
            continue
        if standing and kind < 0.35:
            correction = random_correction(chance, step, standing, is_dear=is_dear)
            yield correction
            if correction.op_id in model.books.settlements:
                del standing[correction.settlement_id]
                standing[correction.op_id] = correction.bill
            continue
        if standing and kind < 0.55:
            of = chance.choice(sorted(standing))
            returned = random_return(chance, standing[of])
            if returned:
                standing[of] = standing[of].without(returned)
                yield Refund(op_id=f"f{step}", settlement_id=of, returned=returned)
            continue
        is_last = chance.random() < 0.6
        of_stay = Settle if is_last else Interim
        bill = random_bill(chance, f"s{stay}", is_dear=is_dear)
        said: dict[str, Any] = {"person_id": "p1", "institution_id": institution, "bill": bill}
        if is_last and len(held) < 8 and chance.random() < 0.4:
            yield Hold(op_id=f"b{step}", seconds=LASTS_SECONDS, **said)
            held[f"b{step}"] = bill
        else:
            yield of_stay(op_id=f"b{step}", **said)
            standing[f"b{step}"] = bill
        if is_last:
            stay += 1
            institution = chance.choice(places)


def still_standing(standing: dict[str, Bill], model: World) -> dict[str, Bill]:
    """Returns the bills that stand: in some regions others than those that nobody took back."""
    region = model.region
    if not region.newest_first and region.own_debts is OwnDebts.DIFFERENCE:
        return standing
    # Some is refused, some restated, and some taken back later by two operators.
    return {
        name: each.bill
        for name, each in model.books.settlements.items()
        if each.state is State.SETTLED
    }


def random_act_of_agency(chance: random.Random, step: int, model: World) -> Operation | None:
    """Returns at times what settles a difference, or moves what is due into the account."""
    if model.books.balances.get("due:p1", 0) and chance.random() < 0.3:
        return MoveDue(op_id=f"m{step}", person_id="p1")
    open_fen = model.books.balances.get("difference:p1", 0)
    if open_fen and chance.random() < 0.2:
        part = open_fen if chance.random() < 0.5 else -(-open_fen // 3)
        return SettleDifference(op_id=f"d{step}", person_id="p1", amount_fen=part or open_fen)
    return None


def random_end_of_month(chance: random.Random, step: int) -> Iterator[Operation]:
    """Yields that a month goes by, after what is held has run out, and what is closed then."""
    yield PassTime(op_id=f"e{step}", seconds=LASTS_SECONDS)
    yield Expire(op_id=f"x{step}")
    yield PassTime(op_id=f"n{step}", seconds=MONTH_SECONDS)
    for number, closed in enumerate(chance.choice([[], ["H1"], ["H2"], [""], ["H1", "H2"]])):
        yield Close(op_id=f"z{step}.{number}", institution_id=closed)


def random_end_of_hold(
    chance: random.Random,
    step: int,
    held: dict[str, Bill],
    standing: dict[str, Bill],
) -> Iterator[Operation]:
    """Yields what becomes of a held bill; of all of them, where the time runs out."""
    of = chance.choice(sorted(held))
    bill = held.pop(of)
    what = chance.random()
    if what < 0.2:
        yield PassTime(op_id=f"t{step}", seconds=LASTS_SECONDS)
        yield Confirm(op_id=f"c{step}", settlement_id=of)
        held.clear()
    elif what < 0.4:
        yield Release(op_id=f"l{step}", settlement_id=of)
    else:
        yield Confirm(op_id=f"c{step}", settlement_id=of)
        standing[of] = bill


def random_correction(
    chance: random.Random, step: int, standing: Mapping[str, Bill], *, is_dear: bool
) -> Correct:
    """Returns another bill in the place of one, or at times the very same."""
    wrong = chance.choice(sorted(standing))
    bill = standing[wrong]
    if chance.random() < 0.7:
        bill = random_bill(chance, bill.words["visit"], is_dear=is_dear)
    with_code = chance.random() < 0.4
    return Correct(op_id=f"k{step}", settlement_id=wrong, bill=bill, with_code=with_code)


def random_bill(chance: random.Random, visit: object, *, is_dear: bool) -> Bill:
    words: Mapping[str, object] = {
        "visit": visit,
        "date": DAY,
        "admitted": DAY,
        "facts": FACTS,
    }
    lines = tuple(
        Line(
            chance.randrange(1, 900_000_000) * (20 if is_dear else 1),
            chance.randrange(1, 60) * 1_000,
            {"class": chance.choice(CLASSES)},
        )
        for _ in range(chance.randrange(1, 4))
    )
    return Bill(dict(words), lines, account_used=chance.random() < (0.8 if is_dear else 0.4))


def random_return(chance: random.Random, bill: Bill) -> Mapping[int, int]:
    """Returns quantities of lines that have some left: of one mostly, sometimes of all."""
    left = {number: line.quantity for number, line in enumerate(bill.lines) if line.quantity}
    if not left or chance.random() < 0.15:
        return left
    number = chance.choice(sorted(left))
    return {number: chance.choice([left[number], chance.randrange(1, left[number] + 1)])}
