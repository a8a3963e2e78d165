"""Lines with ids, as tests of storage upload, carry, cancel and list them."""

import datetime as dt
from typing import Any

import pytest
from support.settlement_parts import transactions_of
from support.settlement_world import HOSPITAL, NOW, REGION, World

from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_settlement.application.charge.cancel import CancelLines
from yibao_settlement.application.charge.listing import LineWish, ListedLine, list_lines
from yibao_settlement.application.charge.upload import LineOutcome, UploadLines
from yibao_settlement.application.work import Work
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.bill import (
    Bill,
    CatalogueItem,
    ChargedLine,
    LineDetails,
    Selection,
)

ADMITTED = dt.date(2026, 11, 1)
CALLER = parse_caller(f"institution/{HOSPITAL}")


def charged(line_id: str, code: str = "A1", yuan: int = 100, **changes: Any) -> ChargedLine:
    """Returns a line of one unit on the tenth, with changes to its details."""
    details = {"line_id": line_id, "charge_date": ADMITTED.replace(day=10), **changes}
    return ChargedLine(1, code, str(yuan), "1", yuan * 100, LineDetails(**details))


def returned(line_id: str, of: str, quantity: str, amount_fen: int, price: str) -> ChargedLine:
    details = LineDetails(line_id, ADMITTED.replace(day=11), returned_line_id=of)
    return ChargedLine(1, "A1", price, quantity, amount_fen, details)


class Uploads:
    """The outcomes of an upload, as it tells them to its encoder."""

    def __init__(self) -> None:
        self.outcomes: list[LineOutcome] = []

    def __call__(self, outcomes: Any) -> bytes:
        self.outcomes = list(outcomes)
        return b"told"


def upload(world: World, visit: str, *lines: ChargedLine, batch: str = "") -> list[LineOutcome]:
    told = Uploads()
    world.run(UploadLines(world.request("UploadLines"), visit, batch, lines, told))
    return told.outcomes


def cancel(world: World, visit: str, *line_ids: str) -> int:
    request = world.request("CancelLines")
    command = CancelLines(
        request,
        visit,
        line_ids,
        all_unsettled=not line_ids,
        encode=lambda count: str(count).encode(),
    )
    return int(world.run(command))


def listed(world: World, visit: str, **wish: Any) -> list[ListedLine]:
    page = list_lines(
        world.queries, REGION, LineWish(visit, **wish), CALLER, after=None, limit=2_000, now=NOW
    )
    return list(page.lines)


def of_uploaded(world: World, visit: str, total_fen: int, **selection: Any) -> Bill:
    return world.bill(visit, lines=(), total_fen=total_fen, selection=Selection(**selection))


def carrying(world: World, visit: str, *lines: ChargedLine, **changes: Any) -> Bill:
    numbered = tuple(line._replace(line_number=at) for at, line in enumerate(lines, 1))
    total_fen = sum(line.amount_fen for line in lines)
    return world.bill(visit, lines=numbered, total_fen=total_fen, **changes)


def refusal(call: Any) -> RuleError:
    with pytest.raises(RuleError) as caught:
        call()
    return caught.value


def assert_books_are_right(world: World) -> None:
    drifts = check_ledger(world.database).drifts
    assert drifts == [], "\n".join(map(str, drifts))


def put_items(world: World, *items: CatalogueItem) -> None:
    def put(work: Work) -> None:
        work.catalogue.put_items(items)
        work.reference.raise_epoch()

    transactions_of(world.database).change(REGION, put)


def end_item(world: World, code: str, last: dt.date) -> None:
    put_items(world, CatalogueItem(code, "停用", "01", None, "", dt.date(2014, 1, 1), last))
