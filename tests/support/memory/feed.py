"""The feed and what it tells of in memory."""

import dataclasses
import datetime as dt
from collections.abc import Collection

from yibao_identity.application.feed import (
    FeedCard,
    FeedCertificate,
    FeedEntry,
    FeedHead,
    FeedPerson,
    FeedRows,
)
from yibao_identity.rules.relative import RelativeLink


@dataclasses.dataclass
class MemoryFeed(FeedRows):
    """What one region's feed tells, each kind in the order in which it is told."""

    epoch: str = "epoch 1"
    entries: list[FeedEntry] = dataclasses.field(default_factory=list)
    told: list[FeedPerson] = dataclasses.field(default_factory=list)
    ecerts: list[FeedCertificate] = dataclasses.field(default_factory=list)
    issued: list[FeedCard] = dataclasses.field(default_factory=list)
    agreed: list[RelativeLink] = dataclasses.field(default_factory=list)
    # By whose call links were agreed to; at a counter where nothing is said.
    agreed_by: dict[str, str] = dataclasses.field(default_factory=dict)
    # Revoked device certificates by e-certificate.
    revoked: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    # Since when the codes of e-certificates count.
    counting: dict[str, dt.datetime] = dataclasses.field(default_factory=dict)

    def head(self) -> FeedHead:
        return FeedHead(self.epoch, self.entries[-1].sequence if self.entries else 0)

    def begin(self) -> None:
        """There is one from the start."""

    def entry(self, sequence: int) -> FeedEntry | None:
        return next((each for each in self.entries if each.sequence == sequence), None)

    def after(self, sequence: int, *, limit: int) -> list[FeedEntry]:
        return [each for each in self.entries if each.sequence > sequence][:limit]

    def persons(self, person_ids: Collection[str]) -> list[FeedPerson]:
        return [each for each in self.told if each.person_id in person_ids]

    def certificates(self, person_ids: Collection[str]) -> list[FeedCertificate]:
        return [each for each in self.ecerts if each.person_id in person_ids]

    def withdrawn(
        self, certificate_ids: Collection[str], *, at: dt.datetime, ending_after: dt.datetime
    ) -> dict[str, list[str]]:
        return {each: self.revoked[each] for each in certificate_ids if each in self.revoked}

    def codes_since(self, certificate_ids: Collection[str]) -> dict[str, dt.datetime]:
        return {each: self.counting[each] for each in certificate_ids if each in self.counting}

    def cards(self, person_ids: Collection[str]) -> list[FeedCard]:
        return [each for each in self.issued if each.person_id in person_ids]

    def links(self, person_ids: Collection[str]) -> list[RelativeLink]:
        return [each for each in self.agreed if each.person_id in person_ids]

    def confirmers(self, link_ids: Collection[str]) -> dict[str, str]:
        return {each: self.agreed_by.get(each, "agency/500100/wang") for each in link_ids}
