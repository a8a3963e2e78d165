"""What a batch knows of repairs, and what it writes of them."""

from dataclasses import dataclass, field

from yibao_settlement.rules.repair import Repair


@dataclass(slots=True)
class Repairs:
    """Repairs that commands named, and those that are new, carried out or withdrawn."""

    known: dict[str, Repair] = field(default_factory=dict)
    proposed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def propose(self, repair: Repair) -> None:
        """Keeps a repair that is new."""
        self.known[repair.repair_id] = repair
        self.proposed.append(repair.repair_id)

    def change(self, repair: Repair) -> None:
        """Keeps a repair as it is now."""
        self.known[repair.repair_id] = repair
        if repair.repair_id not in self.proposed:
            self.changed.append(repair.repair_id)
