"""Papers as other features ask for them: found by their ids, used for something, let go of."""

import datetime as dt
from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Protocol

from yibao_offsite.rules.material.material import (
    Owner,
    Paper,
    material_not_found,
    not_fitting,
)
from yibao_offsite.rules.material.states import COUNTS, wrong_state

if TYPE_CHECKING:
    from yibao_offsite.application.work import Work


class PaperRows(Protocol):
    """Papers without their contents: a room that needs no keys."""

    def find(self, material_ids: Collection[str]) -> Sequence[Paper]:
        """Returns the papers of these ids that there are, by rising ids."""
        ...

    def lock(self, material_ids: Collection[str]) -> Sequence[Paper]:
        """Does what `find` does, and lets nobody change them until the transaction ends."""
        ...

    def of_owner(self, owner: Owner, owner_id: str) -> Sequence[Paper]:
        """Returns the papers that were handed in for something, by rising ids."""
        ...

    def bind(self, material_ids: Collection[str], owner: Owner, owner_id: str) -> None:
        """Notes that papers are used for something; again is nothing new."""
        ...

    def end(self, owner: Owner, *owner_ids: str, on: dt.date | None) -> None:
        """Notes the last day of what papers were used for: from it on their years are counted.

        It may lie ahead; from it on none of them is replaced. With None all goes on.
        """
        ...


def take_papers(
    work: "Work", material_ids: Collection[str], *, person_id: str, owner: Owner, owner_id: str
) -> Sequence[Paper]:
    """Uses papers for something, each of which is the person's and may be used.

    Raises:
        RuleError: MATERIAL_NOT_FOUND, MATERIAL_NOT_FITTING, MATERIAL_STATE.
    """
    papers = work.papers.lock(material_ids)
    missing = set(material_ids) - {paper.material_id for paper in papers}
    if missing:
        raise material_not_found(min(missing))
    for paper in papers:
        if paper.person_id != person_id:
            raise not_fitting(paper.material_id, paper.kind, "is of another person")
        if paper.state not in COUNTS:
            raise wrong_state(paper.material_id, paper.state)
    work.papers.bind(material_ids, owner, owner_id)
    return papers
