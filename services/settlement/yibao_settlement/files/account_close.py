"""Files of the format `yibao-account-close/1`: how a region's accounts earn, and what it counts."""

import hashlib

from yibao_common.files.yaml_file import Path, parse_yaml
from yibao_common.values.reasons import Reason
from yibao_settlement.files.benefit.body import Body, Faults
from yibao_settlement.rules.account_close.close import CloseRules
from yibao_settlement.rules.account_close.counters import CounterRules, OnClaim, UsedUp
from yibao_settlement.rules.account_close.interest import (
    BookOn,
    DatedRate,
    DayCount,
    InterestRules,
    Layer,
    Rounding,
)

ACCOUNT_CLOSE_FORMAT = "yibao-account-close/1"
# A rate above is no rate of a bank: 0.35 % a year is 3,500 ppm.
_MOST_RATE_PPM = 200_000
_INSURANCE_TYPE = ("[0-9]{3}", "an insurance type such as 310")


def load_account_close(contents: bytes, *, name: str) -> CloseRules:
    """Returns what a file says; `name` is how messages call it, the version its SHA-256.

    Raises:
        RuleError: ACCOUNT_CLOSE_FILE_INVALID, with a fault for every mistake: file, line, key
            and what was expected.
    """
    file = parse_yaml(contents, name=name, reason=Reason.ACCOUNT_CLOSE_FILE_INVALID)
    faults = Faults(file, list(file.faults))
    body = Body.open(faults, file.data, (), need=("format", "cites"), may=("interest", "counters"))
    body.one_of("format", (ACCOUNT_CLOSE_FORMAT,), ACCOUNT_CLOSE_FORMAT)
    body.text("cites", most=500)
    if not body.data.keys() & {"interest", "counters"}:
        body.fault("interest", "is missing, and so is counters: nothing would be done")
    interest = _interest(body) if "interest" in body.data else None
    counters = _counters(body) if "counters" in body.data else None
    faults.refuse()
    return CloseRules(hashlib.sha256(contents).hexdigest(), interest, counters)


def read_rules(contents: bytes) -> CloseRules:
    """Returns what a file says that was sent; see `load_account_close`."""
    return load_account_close(contents, name="rules_file")


def _interest(body: Body) -> InterestRules:
    interest = body.inner(
        "interest", need=("insurance_type", "day_count", "book_on", "current_year", "carried")
    )
    return InterestRules(
        interest.code("insurance_type", *_INSURANCE_TYPE),
        interest.choice("day_count", DayCount, DayCount.ACTUAL_365),
        interest.choice("book_on", BookOn, BookOn.NEW_YEAR),
        _layer(interest, "current_year"),
        _layer(interest, "carried"),
    )


def _layer(interest: Body, key: str) -> Layer:
    layer = interest.inner(key, need=("rounding", "rates"))
    rates: list[DatedRate] = []
    for value, path in layer.items("rates", "dated rates"):
        rates.append(_rate(layer.faults, value, path, before=rates[-1] if rates else None))
    return Layer(layer.choice("rounding", Rounding, Rounding.HALF_UP), tuple(rates))


def _rate(faults: Faults, value: object, path: Path, *, before: DatedRate | None) -> DatedRate:
    body = Body.open(faults, value, path, need=("from", "rate_ppm"))
    rate = DatedRate(body.day("from"), body.whole("rate_ppm", high=_MOST_RATE_PPM))
    if before is not None and "from" in body.data and rate.start_date <= before.start_date:
        body.fault("from", "is not behind that of the rate before")
    return rate


def _counters(body: Body) -> CounterRules:
    counters = body.inner("counters", need=("insurance_type", "on_claim"), may=("restart_above",))
    above = None
    if "restart_above" in counters.data:
        used = counters.inner("restart_above", need=("window", "amount_fen"))
        above = UsedUp(used.text("window"), used.whole("amount_fen"))
    return CounterRules(
        counters.code("insurance_type", *_INSURANCE_TYPE),
        counters.choice("on_claim", OnClaim, OnClaim.KEEP),
        above,
    )
