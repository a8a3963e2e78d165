"""What is played on the service and on the model: stories, of which each seed has its own."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from support.databases import Databases
from support.history_model.examples import region_of
from support.history_model.operations import Operation, PassTime
from support.history_model.region import OwnDebts
from support.history_model.taking_back import as_region_says, random_own_debts
from support.history_model.world import World as Model
from support.played_compared import assert_alike, run_both
from support.played_histories import played_in
from support.played_months import JANUARY, Calendar, modelled
from support.played_returns import of_service
from support.random_histories import random_operations
from support.random_repricings import Switch, switch, with_liability, with_repricings
from support.record_histories.histories import RECORDS, START, CloseYear, record_operations
from support.record_histories.played import played_records
from support.record_histories.years import Years
from support.region_histories.cases import region_case
from support.region_histories.histories import refused_alike, region_operations
from support.region_histories.histories import switch as switch_region
from support.region_histories.played import played_region

from yibao_settlement.rules.refund import RefundOrder

REGION_STEPS, RECORD_STEPS = 60, 84


@dataclass(slots=True)
class Story:
    """A history that begins, on both; `operations` depend on what the model was made to do.

    `run` does one on both and raises what differs, `finish` compares all that there is.
    """

    model: Model
    operations: Iterator[Operation]
    run: Callable[[Operation], None]
    finish: Callable[[], None]


@dataclass(frozen=True, slots=True)
class Kind:
    """What a history has beside bills, holds, returns, reversals and orders."""

    is_dear: bool
    closes: bool
    reprices: bool
    newest_first: bool
    refund_order: RefundOrder
    own_debts: OwnDebts
    steps: int


def kind_of(seed: int) -> Kind:
    """Returns the kind of history of a seed."""
    chance = random.Random(f"kind {seed}")  # which histories there are is no secret
    closes = chance.random() < 0.3
    return Kind(
        is_dear=chance.random() < 0.4,
        closes=closes,
        reprices=chance.random() < 0.2,
        newest_first=chance.random() < 0.15,
        refund_order=chance.choice(list(RefundOrder)),
        own_debts=random_own_debts(seed),
        # A month goes by in six: all are to lie in one benefit year.
        steps=48 if closes else chance.choice((48, 48, 96)),
    )


def story(seed: int, databases: Databases) -> Story:
    """Begins the history of a seed in a new database, of a kind that has its turn."""
    begin = (usual_story, record_story, region_story, usual_story, usual_story, region_story)
    return begin[seed % len(begin)](seed, databases)


def region_story(seed: int, databases: Databases) -> Story:
    """Begins a history of two persons under a generated policy."""
    case = region_case(seed)
    played, model = played_region(databases, case), Model(case.region)

    def run(operation: Operation) -> None:
        if isinstance(operation, Switch):
            switch_region(played, model)
        else:
            run_both(played, model, operation, are_alike=refused_alike)

    operations = region_operations(seed, case, model, REGION_STEPS)
    operations = as_region_says(operations, random.Random(f"returned {seed}"), model)
    return Story(model, operations, run, lambda: assert_alike(played, model))


def record_story(seed: int, databases: Databases) -> Story:
    """Begins a history of three records, which are one person in the end, over some years."""
    played = played_records(databases)
    chance = random.Random(f"record flags {seed}")
    refund_order = chance.choice(list(RefundOrder))
    region = replace(
        region_of({"refund_order": refund_order.value}),
        persons=RECORDS,
        own_debts=random_own_debts(seed),
    )
    model = Model(region)
    played.refund_order, played.own_debts = refund_order, of_service(region.own_debts)
    calendar, years = Calendar(played, START), Years(played)

    def run(operation: Operation) -> None:
        match operation:
            case Switch():
                switch(played, model)
                return
            case CloseYear():
                years.close(model, operation)
                return
            case PassTime():
                years.note(model, operation)
        calendar.run(model, operation)

    def finish() -> None:
        assert_alike(played, model)
        years.check(model)
        booked, expected = calendar.booked(), modelled(model)
        assert booked == expected, (booked, expected)

    operations = record_operations(seed, model, RECORD_STEPS)
    operations = as_region_says(operations, random.Random(f"returned {seed}"), model)
    return Story(model, operations, run, finish)


def usual_story(seed: int, databases: Databases) -> Story:
    """Begins a history of one person under the policy of the examples, or two such policies."""
    kind = kind_of(seed)
    played = played_in(databases)
    region = region_of({"refund_order": kind.refund_order.value})
    region = replace(region, newest_first=kind.newest_first, own_debts=kind.own_debts)
    model = Model(region)
    played.refund_order, played.newest_first = kind.refund_order, kind.newest_first
    played.own_debts = of_service(kind.own_debts)
    calendar = Calendar(played)
    if kind.closes:
        # Many months lie in one benefit year.
        played.world.clock.now = JANUARY
    operations = random_operations(
        seed, model, is_dear=kind.is_dear, closes=kind.closes, steps=kind.steps
    )
    operations = as_region_says(operations, random.Random(f"returned {seed}"), model)
    if kind.reprices:
        operations = with_repricings(operations, random.Random(f"repriced {seed}"), model)
    if seed % 4 == 0:
        operations = with_liability(operations, random.Random(f"liable {seed}"), model)

    def run(operation: Operation) -> None:
        if isinstance(operation, Switch):
            switch(played, model)
        else:
            calendar.run(model, operation)

    def finish() -> None:
        assert_alike(played, model)
        if kind.closes:
            booked, expected = calendar.booked(), modelled(model)
            assert booked == expected, (booked, expected)

    return Story(model, operations, run, finish)
