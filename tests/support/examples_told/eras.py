"""Examples of all times: services run for those of some years, then for the next ones."""

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

from support.databases import Databases, own_turns
from support.examples_told.desk import Desk
from support.examples_told.history import Example
from support.examples_told.office import Office
from support.examples_told.region import Places, prepare
from support.examples_told.running import running_from
from support.examples_told.walk import Told, reverse_all, settle_all

from yibao_settlement.ledger_check import check_ledger

# A root of trust lives three years.
_MOST = dt.timedelta(days=1_000)


def eras_of(examples: Iterable[Example]) -> list[list[Example]]:
    """Returns examples that one run of the services can settle, by their days."""
    eras: list[list[Example]] = []
    for example in sorted(examples, key=lambda each: each.first_day):
        if not eras or example.last_day - eras[-1][0].first_day > _MOST:
            eras.append([])
        eras[-1].append(example)
    return eras


def tell_all(examples: Iterable[Example], folder: Path, databases: Databases) -> dict[str, Told]:
    """Settles and reverses every other example, as the kind of database has its turn.

    Returns what became of each, by name.
    """
    told: dict[str, Told] = {}
    for era in eras_of(own_turns(databases.kind, list(examples))):
        of_era = [Told(example) for example in era]
        _tell_era(of_era, folder / era[0].name, databases)
        told.update((each.example.name, each) for each in of_era)
    return told


def _tell_era(told: list[Told], folder: Path, databases: Databases) -> None:
    examples = [each.example for each in told]
    places = Places(examples)
    first_day = examples[0].first_day - dt.timedelta(days=1)
    with running_from(
        first_day, folder, databases, institution_ids=places.levels.keys()
    ) as running:
        prepare(running, places, examples)
        office, desk = Office(running, places), Desk(running, places)
        settle_all(office, desk, running.clock, told)
        settled = check_ledger(running.database).drifts
        reverse_all(office, desk, running.clock, [each for each in told if not each.error])
        reversed_ = check_ledger(running.database).drifts
    for each in told:
        each.note("books", [], settled)
        each.note("books afterwards", [], reversed_)
