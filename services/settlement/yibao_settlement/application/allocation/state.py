"""What a batch knows of allocations, and what it writes of them."""

from dataclasses import dataclass, field

from yibao_settlement.rules.allocation import AllocatedPerson


@dataclass(slots=True)
class Allocated:
    """Persons whom allocations looked at, and what contributions were paid of."""

    # (allocation, person) of those that are stored.
    known: set[tuple[str, str]] = field(default_factory=set)
    # By (person, insurance type, month).
    bases: dict[tuple[str, str, int], int] = field(default_factory=dict)
    added: list[AllocatedPerson] = field(default_factory=list)

    def add(self, person: AllocatedPerson) -> None:
        """Keeps what became of a person."""
        self.known.add((person.allocation_id, person.person_id))
        self.added.append(person)
