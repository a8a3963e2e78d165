"""How far the feed of persons was read, as rows."""

from collections.abc import Iterable

import sqlalchemy as sa

from yibao_common.commands.feed import FeedPosition
from yibao_common.db.feed import StoredPosition
from yibao_offsite.storage import tables


class StoredFollowing:
    """See `yibao_common.commands.following.PositionRows`."""

    def __init__(self, connection: sa.Connection, region: str) -> None:
        """Takes the transaction's connection."""
        self._position = StoredPosition(connection, tables.person_feed_position, region)

    def position(self) -> FeedPosition:
        """Returns the position as stored."""
        return self._position.find()

    def lock_position(self) -> FeedPosition:
        """Locks the position's row, made where it is missing."""
        return self._position.lock()

    def move_position(self, position: FeedPosition) -> None:
        """Stores the position."""
        self._position.move(position)


def follow(connection: sa.Connection, regions: Iterable[str]) -> None:
    """Has the persons of regions checked from now on, before any of them was told."""
    for region in regions:
        StoredPosition(connection, tables.person_feed_position, region).lock()


def unfollow(connection: sa.Connection, *, but: tuple[str, ...]) -> list[str]:
    """Forgets how far feeds were read of all regions but some, whose persons are not checked then.

    Returns these regions, sorted. Where they are followed again, it is from the beginning.
    """
    place = tables.person_feed_position
    others = place.c.region.not_in(but)
    regions = sorted(connection.execute(sa.select(place.c.region).where(others)).scalars())
    if regions:
        connection.execute(sa.delete(place).where(others))
    return regions
