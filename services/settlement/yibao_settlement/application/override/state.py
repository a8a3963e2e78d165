"""What a batch knows of overrides, and what it writes of them."""

from dataclasses import dataclass, field

from yibao_settlement.rules.override import Override


@dataclass(slots=True)
class Overrides:
    """Overrides that commands named, and those that are new, carried out or withdrawn."""

    known: dict[str, Override] = field(default_factory=dict)
    proposed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)

    def propose(self, override: Override) -> None:
        """Keeps an override that is new."""
        self.known[override.override_id] = override
        self.proposed.append(override.override_id)

    def change(self, override: Override) -> None:
        """Keeps an override as it is now."""
        self.known[override.override_id] = override
        if override.override_id not in self.proposed:
            self.changed.append(override.override_id)
