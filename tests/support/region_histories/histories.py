"""Random histories of two persons under a generated policy, which the service can play."""

import datetime as dt
import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from support.benefit_comparison.answers import OF_STEPS, OF_TABLES
from support.history_model.bills import Bill
from support.history_model.histories import Maker
from support.history_model.operations import (
    Close,
    Correct,
    Hold,
    Interim,
    MoveDue,
    OfPerson,
    OfSettlement,
    Operation,
    PassTime,
    Release,
    Reprice,
    Reverse,
    Settle,
    SettleDifference,
)
from support.history_model.settlements import State
from support.history_model.world import World as Model
from support.random_repricings import Switch

from .cases import AMENDED, RegionCase
from .played import PlayedRegion

# Registered is what began no more days ago.
REGISTERED_WITHIN = dt.timedelta(days=31)
FIRST_DAY = dt.date(2023, 1, 1)
DAY_SECONDS = 24 * 3_600


class RegionMaker(Maker):
    """Makes operations of a case: of both persons' bills, always the one of the earlier day."""

    def __init__(self, seed: int, case: RegionCase) -> None:
        """Makes those of a seed."""
        super().__init__(seed)
        self.left = {person: list(bills) for person, bills in case.bills.items()}

    def _bill(self, world: Model, op_id: str) -> dict[str, Any] | None:
        upcoming = [(bills[0][1].words["date"], name) for name, bills in self.left.items() if bills]
        if not upcoming:
            return None
        _, person = min(upcoming)
        institution, bill = self.left[person].pop(0)
        return {"op_id": op_id, "person_id": person, "institution_id": institution, "bill": bill}

    def latest_day(self, bill: Bill) -> dt.date:
        """Returns up to which day time may pass before `bill`: what comes is to be registered."""
        left = [each for bills in self.left.values() for _, each in bills]
        starts = [each.words["admitted"] for each in (bill, *left)]
        latest: dt.date = max(bill.words["date"], min(starts) + REGISTERED_WITHIN)
        return latest


def region_operations(seed: int, case: RegionCase, model: Model, steps: int) -> Iterator[Operation]:
    """Yields operations of a case, each after the one before was run; in half a switch."""
    chance = random.Random(f"switch {seed}")
    switch_at = chance.randrange(8, 30) if chance.random() < 0.5 else steps
    maker, today = RegionMaker(seed, case), FIRST_DAY
    for number, made in enumerate(maker.operations(model, steps)):
        if number == switch_at:
            yield Switch(op_id="switch")
        operation = as_played(made, model)
        if operation is None:
            continue
        if isinstance(operation, OfPerson) and today < operation.bill.words["date"]:
            until = maker.latest_day(operation.bill)
            seconds = (until - today).days * DAY_SECONDS
            today = until
            yield PassTime(op_id=f"{operation.op_id} on its day", seconds=seconds)
        yield operation


def switch(played: PlayedRegion, model: Model) -> None:
    """Lets the amended policy decide bills of all days, on both."""
    played.switch()
    model.region = replace(model.region, in_force=AMENDED)
    model.books.region = model.region


def refused_alike(service: str, model: str) -> bool:
    """Tells whether two refusals are of one bill: it can have several faults.

    The service asks all tables first; the model goes from step to step.
    """
    # The service looks for a policy, the model asks the one that there is.
    known = {"POLICY_NOT_FOUND": "POLICY_NOT_IN_FORCE"}.get(service, service)
    return known == model or (service in OF_TABLES and model in OF_STEPS)


def as_played(made: Operation, model: Model) -> Operation | None:
    """Returns an operation as both can do it, None for what only the model does."""
    match made:
        case OfPerson():
            return _of_person(made, model)
        case Reprice():
            return _repriced(made, model)
        case SettleDifference():
            open_fen = model.books.balances.get(f"difference:{made.person_id}", 0)
            fen = min(made.amount_fen, open_fen) if open_fen > 0 else max(made.amount_fen, open_fen)
            return replace(made, amount_fen=fen) if fen else None
        case MoveDue():
            return made if model.books.balances.get(f"due:{made.person_id}", 0) else None
        case OfSettlement():
            return _of_settlement(made, model)
        case Close():
            return None
        case _:
            return made


def _of_person(made: OfPerson, model: Model) -> Operation:
    said: dict[str, Any] = {
        "op_id": made.op_id,
        "person_id": made.person_id,
        "institution_id": made.institution_id,
        "bill": _with_account(made.bill, model),
    }
    is_stay = made.bill.words["facts"]["care_type"].startswith("2")
    if is_stay and not made.bill.words["last"]:
        return Interim(**said)
    return Hold(**said, seconds=made.seconds) if isinstance(made, Hold) else Settle(**said)


def _of_settlement(made: OfSettlement, model: Model) -> Operation | None:
    if isinstance(made, Reverse):
        found = model.books.settlements.get(made.settlement_id)
        if found is not None and found.state is State.HELD:
            return Release(op_id=made.op_id, settlement_id=made.settlement_id)
    if isinstance(made, Correct):
        # A bill of lines of nothing is one to the service; to the model it is none.
        if made.bill.is_empty:
            return None
        return replace(made, by_agency=False, bill=_with_account(made.bill, model))
    return made


def _with_account(bill: Bill, model: Model) -> Bill:
    """Returns a bill that uses the account only where the model says what becomes of it."""
    return bill if model.region.terms.accounts_last else replace(bill, account_used=False)


def _repriced(made: Reprice, model: Model) -> Reprice:
    """Returns a repricing of one person, by two operators, to the policy in force."""
    owners = [model.books.settlements[name].person_id for name in made.settlement_ids]
    ids = [
        name for name, owner in zip(made.settlement_ids, owners, strict=True) if owner == owners[0]
    ]
    return replace(
        made, settlement_ids=tuple(ids), terms=model.region.in_force, maker="a", checker="b"
    )
