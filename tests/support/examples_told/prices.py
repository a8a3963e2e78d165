"""Items of a catalogue that make lines what examples say they are."""

import datetime as dt
from collections.abc import Iterable
from typing import NamedTuple

from support.examples_told.history import Example, Json, ToldBill

from yibao.settlement.v1 import bill_pb2
from yibao.settlement.v1 import catalogue_service_pb2 as pb
from yibao_common.rpc.wire import from_date

_LONG_AGO = dt.date(2000, 1, 1)
# Neither cover nor scope: what a bill of nothing charges.
_NOTHING: Json = {"class": "03", "fen": 0}


class Item(NamedTuple):
    """What tells the item of a line: its row in the catalogue, and until when that is there."""

    catalogue_class: str
    share_ppm: int | None
    ceiling_fen: int | None
    item_group: str
    end_date: dt.date | None

    @property
    def code(self) -> str:
        """The item's code, which says all of it."""
        parts = ("X", self.catalogue_class, self.share_ppm, self.ceiling_fen, self.item_group)
        return "-".join(str(part) for part in (*parts, self.end_date) if part not in (None, ""))


def item_of(line: Json, day: dt.date) -> Item:
    """Returns the item of a line; of one that the catalogue lacks, a row that has ended."""
    if line["class"] is None:
        return Item("01", None, None, "", line.get("date", day) - dt.timedelta(days=1))
    over_fen = line.get("over_fen", 0)
    ceiling_fen = line["fen"] - over_fen if over_fen else None
    return Item(
        line["class"], line.get("share_ppm"), ceiling_fen, line.get("item_group") or "", None
    )


def charged_lines(bill: ToldBill) -> list[bill_pb2.BillLine]:
    """Returns the lines of a bill, one unit of each; a bill without any charges nothing."""
    messages = []
    for number, line in enumerate(bill.lines or (_NOTHING,), start=1):
        message = bill_pb2.BillLine(
            line_number=number,
            item_code=item_of(line, bill.date).code,
            unit_price=_yuan(line["fen"]),
            quantity="1",
            amount_fen=line["fen"],
        )
        if "date" in line:
            message.charge_date.CopyFrom(from_date(line["date"]))
        messages.append(message)
    return messages


def catalogue_of(examples: Iterable[Example]) -> list[pb.CatalogueItem]:
    """Returns a row for each item that examples charge."""
    items = {
        item_of(line, bill.date)
        for example in examples
        for bill in example.bills
        for line in (*bill.lines, _NOTHING)
    }
    return [_row(item) for item in sorted(items, key=lambda item: item.code)]


def _row(item: Item) -> pb.CatalogueItem:
    return pb.CatalogueItem(
        item_code=item.code,
        item_name=f"样例项目{item.code}",
        catalogue_class=item.catalogue_class,
        first_self_pay_ratio_ppm=item.share_ppm,
        price_ceiling="" if item.ceiling_fen is None else _yuan(item.ceiling_fen),
        start_date=from_date(_LONG_AGO),
        end_date=None if item.end_date is None else from_date(item.end_date),
        item_group=item.item_group,
    )


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"
