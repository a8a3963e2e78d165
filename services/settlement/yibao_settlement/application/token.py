"""The tokens of a batch: what those presented stand for, and what becomes of them."""

from dataclasses import dataclass, field

from yibao_settlement.rules.token import ResolvedCode, TokenUse


@dataclass(slots=True)
class Tokens:
    """What tokens stand for by their hashes, and which were used."""

    found: dict[str, ResolvedCode] = field(default_factory=dict)
    # By what used up their codes.
    used: set[str] = field(default_factory=set)
    # To be stored.
    resolved: list[ResolvedCode] = field(default_factory=list)
    uses: list[TokenUse] = field(default_factory=list)

    def use(self, use: TokenUse) -> None:
        """Marks a token as used."""
        self.used.add(use.resolution_id)
        self.uses.append(use)
