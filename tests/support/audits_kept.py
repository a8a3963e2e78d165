"""What tests of audits in databases have in common: what is told of holds, and acts at once."""

import threading
from collections.abc import Callable

import sqlalchemy as sa
from support.paper_desk import REGION
from support.stored_papers import StoredDesk

from yibao_common.values.errors import RuleError
from yibao_offsite.storage import tables


def at_once(*acts: Callable[[], object]) -> list[str]:
    """Does things at once; returns how each ended, in no order."""
    ends: list[str] = []
    start = threading.Barrier(len(acts))

    def do(act: Callable[[], object]) -> None:
        start.wait()
        try:
            act()
        except RuleError as refusal:
            ends.append(refusal.reason.name)
        else:
            ends.append("done")

    threads = [threading.Thread(target=do, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sorted(ends)


def told_holds(papers: StoredDesk) -> list[tuple[str, bool, int]]:
    """Returns what settlement reads of holds."""
    hold = tables.told_hold.c
    with papers.database.read() as connection:
        query = sa.select(hold.visit_id, hold.is_lifted, hold.version).where(hold.region == REGION)
        return sorted(tuple(row) for row in connection.execute(query))


def change_count(papers: StoredDesk) -> int:
    with papers.database.read() as connection:
        change = tables.feed_change
        return connection.execute(sa.select(sa.func.count()).select_from(change)).scalar_one()
