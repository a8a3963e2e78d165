"""Links between relatives in memory."""

import dataclasses
from collections.abc import Iterable, Sequence

from yibao_identity.application.relative import RelativeRows
from yibao_identity.rules.relative import LinkPurpose, LinkState, RelativeLink


@dataclasses.dataclass
class MemoryRelatives(RelativeRows):
    """Links of one region; `locked` names which were locked, in order."""

    rows: dict[str, RelativeLink] = dataclasses.field(default_factory=dict)
    locked: list[str] = dataclasses.field(default_factory=list)

    def find(self, link_id: str) -> RelativeLink | None:
        return self.rows.get(link_id)

    def lock(self, link_id: str) -> RelativeLink:
        self.locked.append(link_id)
        return self.rows[link_id]

    def lock_among(self, link_ids: Sequence[str]) -> dict[str, RelativeLink]:
        found = {link_id: self.rows[link_id] for link_id in link_ids if link_id in self.rows}
        self.locked += found
        return found

    def asked_by(self, person_id: str, purpose: LinkPurpose) -> list[RelativeLink]:
        return [
            each
            for each in _standing(self.rows.values())
            if (each.person_id, each.purpose) == (person_id, purpose)
        ]

    def standing(self, person_id: str) -> list[RelativeLink]:
        found = [each for each in _standing(self.rows.values()) if _takes_part(each, person_id)]
        return sorted(found, key=lambda each: each.link_id)

    def of_person(self, person_id: str, *, most: int) -> list[RelativeLink]:
        newest = [each for each in reversed(self.rows.values()) if _takes_part(each, person_id)]
        return sorted(newest, key=lambda each: each.state is LinkState.ENDED)[:most]

    def insert(self, link: RelativeLink, *, requested_by: str) -> None:
        assert link.link_id not in self.rows
        self.rows[link.link_id] = link

    def confirm(self, link: RelativeLink, *, confirmed_by: str) -> None:
        self.rows[link.link_id] = link

    def end(self, link: RelativeLink, *, ended_by: str) -> None:
        self.rows[link.link_id] = link


def _standing(links: Iterable[RelativeLink]) -> list[RelativeLink]:
    return [each for each in links if each.state is not LinkState.ENDED]


def _takes_part(link: RelativeLink, person_id: str) -> bool:
    return person_id in (link.person_id, link.relative_id)
