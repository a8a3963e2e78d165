"""Cards of before have serials and chip numbers in capitals, as those that are asked for."""

import sqlalchemy as sa
from support.databases import Databases
from support.ecert_desk import EcertDesk
from support.old_databases import upgrade_to

from yibao_common.db import migrations
from yibao_common.db.database import Database
from yibao_common.values.ids import new_id
from yibao_identity.storage import tables

BEFORE = ("s1", "S2", "aB-3", "x4", "X4", "y5", "Y5z", "Q6q", "q6Q", "q6q")
# Of two that differ in case alone, one keeps small letters.
AFTER = ["S1", "S2", "AB-3", "x4", "X4", "Y5", "Y5Z", "Q6Q", "q6Q", "q6q"]


def test_cards_of_before_are_found_by_capitals(databases: Databases) -> None:
    database = Database(databases.empty_url())
    try:
        upgrade_to(database, "yibao_identity", "0014")
        desk = EcertDesk(database)
        for number, serial in enumerate(BEFORE):
            desk.give_card(new_id(), f"SUBJECT{number:06d}", serial=serial)
        migrations.upgrade(database, "yibao_identity")
        card = tables.card.c
        query = sa.select(card.card_serial, card.chip_number).order_by(card.card_id)
        with database.read() as connection:
            rows = [tuple(row) for row in connection.execute(query)]
        assert rows == [(serial, serial) for serial in AFTER]
    finally:
        database.close()
