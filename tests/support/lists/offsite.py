"""Lists of offsite."""

from collections.abc import Sequence

from support.lists.paged import Made, Shop
from support.offsite_feeds import care, tell_settlement


def offsite_changes(shop: Shop) -> Made:
    database = shop.services.offsite_database
    assert database is not None

    def make(ranks: Sequence[int]) -> None:
        for rank in ranks:
            tell_settlement(database, care(shop.id(rank)))

    return Made(
        {"after_sequence": 0},
        make,
        ("sequence",),
        caller="settlement-server",
        behind=("after_sequence", "sequence"),
    )
