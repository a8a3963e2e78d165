"""`yibao due`: asks all lists and shows what is due, as lines or as a document."""

import datetime as dt
from collections.abc import Sequence

import grpc
from rich.console import Console

from yibao.errors import error_of
from yibao_cli.call import REFUSED, show_refusal
from yibao_cli.connection import Connection
from yibao_cli.console import working
from yibao_cli.due.item import DueItem, Standing, in_order, nothing_of, summary
from yibao_cli.due.kinds import PLURALS, DueKind
from yibao_cli.due.lists import NotKept, all_due, today_at
from yibao_cli.due.pages import Desk
from yibao_cli.output import is_json, print_document

_STYLES = {Standing.OVERDUE: "bold red", Standing.DUE: "", Standing.WAITS: ""}
_HINT = "What a method takes: yibao call METHOD -h. Who made something does not check it."


def run_due(
    out: Console,
    err: Console,
    at: Connection,
    *,
    until: dt.date | None,
    kinds: Sequence[DueKind],
    seconds: float,
) -> int:
    """Shows what is due by a day, today where it is None; returns 0, or 1 where it is refused.

    Today is that of the server in Asia/Shanghai, which in a sandbox may be moved. A kind that
    the service keeps nothing of is told in a line.

    Raises:
        StartError: a certificate or the address cannot be used.
    """
    asked = [kind for kind in DueKind if kind in kinds]
    found: list[DueItem] = []
    not_kept: dict[DueKind, NotKept] = {}
    with at.open() as channel, working(err, "Asking what is due") as tell:
        try:
            today = today_at(channel, seconds=seconds)
            desk = Desk(channel, at.region, until or today, seconds)
            for kind in asked:
                tell(f"Asking for {PLURALS[kind]}")
                answer = all_due(desk, kind)
                if isinstance(answer, NotKept):
                    not_kept[kind] = answer
                else:
                    found += answer
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    kept = [kind for kind in asked if kind not in not_kept]
    found = in_order(found, today)
    if is_json():
        _print_document(out, found, kept, not_kept, until=desk.until, today=today)
    else:
        _show(out, found, kept, not_kept, until=desk.until, today=today)
    return 0


def _print_document(
    out: Console,
    found: Sequence[DueItem],
    kept: Sequence[DueKind],
    not_kept: dict[DueKind, NotKept],
    *,
    until: dt.date,
    today: dt.date,
) -> None:
    print_document(
        out,
        {
            "today": str(today),
            "until": str(until),
            "due": [each.document(today) for each in found],
            "nothing_of": [kind.value for kind in nothing_of(found, kept)],
            "not_kept": [
                {"kind": kind.value, "reason": each.reason, "message": each.message}
                for kind, each in not_kept.items()
            ],
        },
    )


def _show(
    out: Console,
    found: Sequence[DueItem],
    kept: Sequence[DueKind],
    not_kept: dict[DueKind, NotKept],
    *,
    until: dt.date,
    today: dt.date,
) -> None:
    for each in found:
        told, call = each.lines(today)
        _print(out, told, _STYLES[each.standing(today)])
        _print(out, call, "dim")
    if found:
        _print(out, _HINT)
    for kind, reason in not_kept.items():
        name = reason.reason.removeprefix("ERROR_REASON_")
        _print(out, f"{PLURALS[kind]} are not kept here: {reason.message} ({name})")
    if kept:
        _print(out, summary(found, kept, until=until, today=today))


def _print(out: Console, text: str, style: str = "") -> None:
    out.print(text, style=style or None, markup=False, soft_wrap=True, highlight=False)
