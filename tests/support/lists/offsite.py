"""Lists of offsite."""

from collections.abc import Sequence

from support.lists.paged import Made, Shop
from support.offsite_feeds import care, tell_settlement

from yibao_offsite.rules.material.states import State
from yibao_offsite.storage import tables


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


def materials(shop: Shop) -> Made:
    """The newest first; waivers, which have no file."""
    table = tables.materials.material
    told = {"kind": "lease", "state": int(State.WAIVER_PROPOSED), "person_id": shop.new_id()}

    def make(ranks: Sequence[int]) -> None:
        shop.insert(table, [{**told, "material_id": shop.id(rank)} for rank in ranks])

    def leave(rank: int) -> None:
        shop.change(table, {"material_id": shop.id(rank)}, kind="other")

    return Made({"kind": "lease"}, make, ("material_id",), leave, other={"kind": "other"})
