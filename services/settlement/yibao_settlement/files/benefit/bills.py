"""Bill files of the format `yibao-bills/2`: bills of one person, to try a policy on."""

import datetime as dt
from typing import NamedTuple

from yibao_common.files.yaml_file import Path, parse_yaml
from yibao_common.values.money import PPM
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.body import Body, Faults
from yibao_settlement.rules.benefit.bill import (
    Attested,
    Balances,
    Bill,
    BillLine,
    CoverPeriod,
    Given,
)
from yibao_settlement.rules.benefit.facts import CARE_GROUP, FACTS, Facts, Kind

BILLS_FORMAT = "yibao-bills/2"
_CLASS = ("0[1-3]", "a catalogue class: 01, 02 or 03")
_NUMBER_MOST = 10_000
_ASKED = tuple(fact for fact in FACTS if fact != CARE_GROUP)
_OF_A_BILL = (
    *("visit", "admitted", "transfer_from", "facts", "facts_at_admission", "cover", "given"),
    *("use_account", "expected", "refused"),
)
_OF_A_LINE = ("date", "share_ppm", "over_fen", "item_group", "there")


class TriedBills(NamedTuple):
    """Bills of a person in the order in which they are settled, and the account before them."""

    balances: Balances
    bills: tuple[Bill, ...]


def load_bills(contents: bytes, *, name: str) -> TriedBills:
    """Returns the bills in a file; `name` is how messages call the file.

    What they are expected to come to is for whoever compares it, and not read.

    Raises:
        RuleError: POLICY_FILE_INVALID, with a fault for every mistake: file, line, key
            and what was expected.
    """
    file = parse_yaml(contents, name=name, reason=Reason.POLICY_FILE_INVALID)
    faults = Faults(file, list(file.faults))
    body = Body.open(faults, file.data, (), need=("format", "bills"), may=("purses",))
    body.one_of("format", (BILLS_FORMAT,), BILLS_FORMAT)
    purses = body.inner("purses", may=("current_year", "carried", "family"))
    balances = Balances(*(purses.whole(purse) for purse in ("current_year", "carried", "family")))
    bills = [
        _bill(Body.open(faults, value, path, need=("date", "lines"), may=_OF_A_BILL), number)
        for number, (value, path) in enumerate(body.items("bills", "bills"), start=1)
    ]
    faults.refuse()
    return TriedBills(balances, tuple(bills))


def _bill(body: Body, number: int) -> Bill:
    facts = body.inner("facts", may=_ASKED)
    admission = body.inner("facts_at_admission", may=_ASKED)
    said = {fact: _fact(facts, fact) for fact in facts.data}
    then = said | {fact: _fact(admission, fact) for fact in admission.data}
    admitted, transfer = body.data.get("admitted"), body.data.get("transfer_from")
    return Bill(
        # A bill that names no visit is a visit of its own.
        visit_id=body.text("visit") or f"bill {number}",
        date=body.day("date"),
        lines=tuple(
            _line(Body.open(body.faults, value, path, need=("class", "fen"), may=_OF_A_LINE), place)
            for place, (value, path) in enumerate(_lines(body), start=1)
        ),
        facts=Facts(**said),  # type: ignore[arg-type]  # each by its kind
        facts_at_admission=Facts(**then),  # type: ignore[arg-type]
        admission_date=None if admitted is None else body.day("admitted"),
        transfer_from=None if transfer is None else body.text("transfer_from"),
        cover=_cover(body),
        given=tuple(_given(body, value, path) for value, path in body.items("given", "payments")),
        account_used=body.flag("use_account", default=False),
    )


def _lines(body: Body) -> list[tuple[object, Path]]:
    """Returns the lines of a bill with their paths; a bill may have none."""
    return body.items("lines", "lines") if body.data.get("lines") != [] else []


def _fact(body: Body, fact: str) -> str | int | frozenset[str] | None:
    match FACTS[fact]:
        case Kind.NUMBER:
            return body.whole(fact, high=_NUMBER_MOST)
        case Kind.SET:
            # Nobody need be in a group.
            return frozenset(body.codes(fact) or ()) if body.data[fact] != [] else frozenset()
        case _:
            return body.text(fact)


def _line(body: Body, number: int) -> BillLine:
    attested = None
    if "there" in body.data:
        there = body.inner("there", may=("class", "share_ppm", "over_fen"))
        both = Body(body.faults, there.path, {**body.data, **there.data})
        attested = Attested(both.code("class", *_CLASS), _share(both), both.whole("over_fen"))
    return BillLine(
        line_id=str(number),
        amount_fen=body.whole("fen"),
        # None is an item that the catalogue does not have.
        catalogue_class=None if body.data.get("class") is None else body.code("class", *_CLASS),
        charge_date=body.day("date") if "date" in body.data else None,
        first_self_pay_ppm=_share(body),
        over_limit_fen=body.whole("over_fen"),
        item_group=body.text("item_group") or None,
        attested=attested,
    )


def _share(body: Body) -> int | None:
    return body.whole("share_ppm", high=PPM) if "share_ppm" in body.data else None


def _cover(body: Body) -> tuple[CoverPeriod, ...] | None:
    if "cover" not in body.data:
        return None
    return tuple(_period(body, *item) for item in body.items("cover", "periods"))


def _period(body: Body, value: object, path: Path) -> CoverPeriod:
    period = Body.open(body.faults, value, path, need=("from",), may=("to",))
    until: dt.date | None = period.day("to") if period.data.get("to") is not None else None
    return CoverPeriod(period.day("from"), until)


def _given(body: Body, value: object, path: Path) -> Given:
    given = Body.open(body.faults, value, path, need=("fund_type", "fen"))
    return Given(given.text("fund_type"), given.whole("fen"))
