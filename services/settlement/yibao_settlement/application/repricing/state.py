"""What a batch knows of the persons of repricings, and what it writes of them."""

from dataclasses import dataclass, field

from yibao_settlement.rules.repricing import RepricedPerson

# A repricing and a person.
Key = tuple[str, str]


@dataclass(slots=True)
class RepricedPersons:
    """The persons that commands name, each with how far its repricing came."""

    known: dict[Key, RepricedPerson] = field(default_factory=dict)
    changed: list[Key] = field(default_factory=list)

    def put(self, person: RepricedPerson) -> None:
        """Keeps how far a repricing came with a person."""
        key = person.repricing_id, person.person_id
        self.known[key] = person
        self.changed.append(key)
