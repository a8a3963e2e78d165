"""The persons that a sandbox holds: of every class, and those whom something is the matter with.

All of it is the same in every sandbox but the ids that the services give.
"""

import datetime as dt
import enum
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from yibao_cli.demo.sample_person import citizen_number
from yibao_cli.regions import Region
from yibao_cli.samples.region import HOME

# Of every sample card: six digits that are neither in a row nor part of a number.
PIN = "290417"
WRONG_PIN = "604182"

_EMPLOYEES, _RESIDENTS = "310", "390"
# The name of a class, and the day of birth of who is of it.
_CLASSES = {
    "11": ("在职", dt.date(1986, 5, 17)),
    "12": ("退休", dt.date(1960, 8, 9)),
    "1402": ("学龄前", dt.date(2022, 3, 5)),
    "1403": ("中小学", dt.date(2016, 9, 21)),
    "1404": ("大学", dt.date(2006, 11, 2)),
    "15": ("成年居民", dt.date(1981, 2, 26)),
    "16": ("老年居民", dt.date(1956, 7, 13)),
}
_CLASSES_OF = {_EMPLOYEES: ("11", "12"), _RESIDENTS: ("1402", "1403", "1404", "15", "16")}
_START = dt.date(2023, 1, 1)
_LAST_DAY = dt.date(2024, 12, 31)


class CardMatter(enum.Enum):
    """What is the matter with a card."""

    NOTHING = "nothing"
    NOT_ACTIVATED = "not activated"
    NO_PIN = "no PIN set"
    PIN_LOST = "PIN reported lost"
    PIN_LOCKED = "PIN locked"
    LOST = "reported lost"
    SUSPENDED = "suspended"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class SamplePerson:
    """Somebody who is loaded; `label` tells persons of a region apart.

    `end_date` is the last day of cover, None while it is open; without `card` there is none.
    """

    region: str
    label: str
    person_name: str
    certificate_number: str
    insurance_type: str
    person_class: str
    entitlement_groups: tuple[str, ...] = ()
    start_date: dt.date = _START
    end_date: dt.date | None = None
    card: CardMatter | None = None
    has_certificate: bool = True
    has_died: bool = False


def sample_persons(region: Region) -> list[SamplePerson]:
    """Returns the persons of a region: one of each class that its policy knows, and others."""
    told = [
        (bill.person.insurance_type, bill.person.person_class, bill.person.entitlement_groups)
        for bill in (region.sample_bill, *region.further_bills)
    ]
    insurance_type = region.sample_bill.person.insurance_type
    classes: list[tuple[str, str, Sequence[str]]] = [
        (insurance_type, each, ()) for each in _CLASSES_OF.get(insurance_type, ())
    ]
    found = dict.fromkeys([*classes, *((kind, each, tuple(groups)) for kind, each, groups in told)])
    persons = [
        _person(
            region.region,
            "-".join((each, *groups)),
            kind,
            each,
            tuple(groups),
            # Each takes the time that a PIN takes to be hashed.
            card=CardMatter.NOTHING if region.region == HOME else None,
        )
        for kind, each, groups in found
    ]
    return [*persons, *_with_matters()] if region.region == HOME else persons


def _with_matters() -> Iterable[SamplePerson]:
    """Yields who cannot be paid for, or whose card cannot be used, in the home region."""
    for matter in CardMatter:
        if matter is not CardMatter.NOTHING:
            label = f"card {matter.value}".lower().replace(" ", "-")
            yield _person(HOME, label, _EMPLOYEES, "11", (), card=matter)
    yield _person(HOME, "cover-ended", _EMPLOYEES, "11", (), end_date=_LAST_DAY)
    yield _person(HOME, "without-policy", _RESIDENTS, "15", ())
    yield _person(HOME, "without-ecert", _EMPLOYEES, "11", (), has_certificate=False)
    yield _person(HOME, "died", _EMPLOYEES, "12", (), has_died=True, card=CardMatter.NOTHING)


def _person(
    region: str,
    label: str,
    insurance_type: str,
    person_class: str,
    groups: tuple[str, ...],
    *,
    end_date: dt.date | None = None,
    card: CardMatter | None = None,
    has_certificate: bool = True,
    has_died: bool = False,
) -> SamplePerson:
    name, born = _CLASSES[person_class]
    # The same number in every sandbox, and no number twice.
    choose = random.Random(f"{region}/{label}")  # noqa: S311 (nothing is secret about it)
    return SamplePerson(
        region,
        label,
        f"示例{name}",
        citizen_number(born, choose=choose),
        insurance_type,
        person_class,
        groups,
        end_date=end_date,
        card=card,
        has_certificate=has_certificate,
        has_died=has_died,
    )


def persons_table(regions: Iterable[Region]) -> str:
    """Returns the persons as the table of `docs/coding/sandbox.md`."""
    heading = ("region", "label", "number", "insurance type", "class", "what is the matter")
    rows = [heading, ("---",) * len(heading)]
    rows += [
        (
            person.region,
            f"`{person.label}`",
            person.certificate_number,
            person.insurance_type,
            person.person_class,
            _matter_of(person),
        )
        for region in regions
        for person in sample_persons(region)
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _matter_of(person: SamplePerson) -> str:
    told = []
    if person.entitlement_groups:
        told.append(f"entitlement groups {', '.join(person.entitlement_groups)}")
    if person.card is not None:
        is_usable = person.card is CardMatter.NOTHING
        told.append("has a card" if is_usable else f"card: {person.card.value}")
    if person.end_date is not None:
        told.append(f"covered until {person.end_date.isoformat()}")
    if not person.has_certificate:
        told.append("no e-certificate")
    if person.has_died:
        told.append(f"died on {person.start_date.isoformat()}")
    return "; ".join(told)


def card_numbers(person: SamplePerson) -> tuple[str, str]:
    """Returns serial and chip number of a person's card, the same in every sandbox."""
    choose = random.Random(f"card/{person.region}/{person.label}")  # noqa: S311
    number = f"{person.region}{choose.randrange(10**8):08d}"
    return f"S{number}", f"C{number}"
