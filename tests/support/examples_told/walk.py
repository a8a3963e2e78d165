"""Examples settled bill by bill, all of them in the order of their days.

A walk is the history of one person. It says on which day it goes on; the walks of all
examples go on in the order of these days, so that time passes once for all. What comes
out is noted beside what was expected, and told example by example afterwards.
"""

import datetime as dt
import heapq
import traceback
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import grpc
from support.benefit_examples import value_of
from support.examples_told.answers import names_of, parts_named, parts_of, same_in_trial
from support.examples_told.desk import Desk
from support.examples_told.elsewhere import terms_answered, terms_of
from support.examples_told.history import Example, ToldBill
from support.examples_told.office import Office, Patient, reason_of
from support.examples_told.running import PassingClock

from yibao.settlement.v1 import settlement_pb2

Walk = Iterator[dt.date]


@dataclass(slots=True)
class Told:
    """What became of an example: what was expected and found, by what it is about."""

    example: Example
    found: dict[str, tuple[object, object]] = field(default_factory=dict)
    error: str = ""
    settled: list[tuple[ToldBill, settlement_pb2.Settlement]] = field(default_factory=list)
    patient: Patient | None = None
    every: dict[str, int] = field(default_factory=dict)
    # The amounts of each bill by their names.
    names: list[dict[str, int]] = field(default_factory=list)

    def note(self, what: str, expected: object, found: object) -> None:
        """Notes what was expected and found."""
        self.found[what] = (expected, found)

    @property
    def differences(self) -> Mapping[str, tuple[object, object]]:
        """What was found otherwise than expected: expected, found."""
        return {what: pair for what, pair in self.found.items() if pair[0] != pair[1]}


def settle_all(office: Office, desk: Desk, clock: PassingClock, toldest: Sequence[Told]) -> None:
    """Settles the bills of examples, each on its day."""
    _in_turn(clock, [(told, _settling(office, desk, told)) for told in toldest])


def reverse_all(office: Office, desk: Desk, clock: PassingClock, toldest: Sequence[Told]) -> None:
    """Takes every settlement back, each person's last one first."""
    _in_turn(clock, [(told, _reversing(office, desk, told)) for told in toldest])


def _in_turn(clock: PassingClock, walks: Sequence[tuple[Told, Walk]]) -> None:
    """Lets walks go on in the order of the days that they say; one that fails has ended."""
    waiting = [(dt.date.min, number) for number in range(len(walks))]
    while waiting:
        day, number = heapq.heappop(waiting)
        told, walk = walks[number]
        if day > dt.date.min:
            clock.pass_to(day)
        try:
            heapq.heappush(waiting, (next(walk), number))
        except StopIteration:
            continue
        except Exception:
            told.error = traceback.format_exc()


def _settling(office: Office, desk: Desk, told: Told) -> Walk:
    yield told.example.first_day
    patient = told.patient = office.enrol(told.example)
    for bill in told.example.bills:
        if bill.visit not in patient.visits:
            yield bill.admitted
            desk.admit(patient, bill)
        yield bill.date
        if bill.follows_interim and not bill.is_interim:
            desk.discharge(patient, bill)
        try:
            settled = _settled(desk, told, patient, bill)
        except grpc.RpcError as error:
            told.note(f"bill {bill.number}", bill.refused, reason_of(error))
            continue
        told.note(f"bill {bill.number}", bill.refused, None)
        told.settled.append((bill, settled))


def _settled(desk: Desk, told: Told, patient: Patient, bill: ToldBill) -> settlement_pb2.Settlement:
    """Tries a bill, settles it for what the trial said, and notes what it comes to."""
    at = f"bill {bill.number}"
    trial = desk.tried(patient, bill)
    settled = desk.settled(patient, bill, trial.settlement)
    told.note(f"{at}: trial", same_in_trial(settled), same_in_trial(trial.settlement))
    explained = desk.explained(bill, settled.settlement_id)
    told.note(f"{at}: explained", settled, explained.settlement)
    told.note(f"{at}: steps", list(trial.trace), list(explained.trace))
    told.note(f"{at}: terms", terms_of(bill), terms_answered(explained))
    told.note(f"{at}: parts", parts_of(settled), parts_named(explained))
    names = names_of(explained, told.example.first_share_steps, told.every)
    told.names.append(names)
    for expression, expected in bill.expected.items():
        found: object
        try:
            found = value_of(expression, names)
        except KeyError as unknown:
            found = f"no amount {unknown}"
        told.note(f"{at}: {expression}", expected, found)
    return settled


def _reversing(office: Office, desk: Desk, told: Told) -> Walk:
    for bill, settled in told.settled:
        explained = desk.explained(bill, settled.settlement_id)
        told.note(f"bill {bill.number}: explained later", settled, explained.settlement)
    yield told.example.last_day
    for bill, settled in reversed(told.settled):
        desk.reverse(bill, settled.settlement_id)
    assert told.patient is not None
    account = office.account_of(told.patient)
    told.note("year afterwards", {}, {each.name: each.value for each in account.accumulators})
    held = sum(told.example.purses.values())
    told.note("account afterwards", held, account.balance_fen)
