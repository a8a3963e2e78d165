"""What a policy file declares beside its steps: groups, windows, counts, parameters, counters."""

import re
from collections.abc import Iterator

from yibao_common.files.yaml_model import shown
from yibao_settlement.files.benefit.amounts import read_amount
from yibao_settlement.files.benefit.body import Body
from yibao_settlement.files.benefit.scope import Scope
from yibao_settlement.files.benefit.steps import CLASSES
from yibao_settlement.files.benefit.tables import read_table
from yibao_settlement.rules.benefit.amounts import Amount
from yibao_settlement.rules.benefit.names import PARTS, REST, TOTAL
from yibao_settlement.rules.benefit.policy import (
    CareGroup,
    Counter,
    LineGroup,
    Parameter,
    ParameterValue,
)
from yibao_settlement.rules.benefit.steps import DeductibleStep, TiersStep
from yibao_settlement.rules.benefit.windows import (
    Count,
    NewYear,
    SplitDeductible,
    Window,
    Windows,
)

_NAME = "[a-z][a-z0-9_]{0,39}"
_NAME_EXPECTED = "a name of small letters, digits and _"
# The name of a parameter stands beside names of amounts, so it cannot be one.
_PARAMETER = rf"(?!(?:base|prepay|{TOTAL}|{'|'.join(PARTS)})$){_NAME}"
_CARE_PATTERN = r"[0-9]{0,6}\*|[0-9]{1,6}"


def read_sources(body: Body) -> dict[str, tuple[str, str]]:
    """Returns title and address of the documents that values of the policy come from."""
    found = {}
    for name, value, path in body.named("sources", _NAME, _NAME_EXPECTED):
        source = Body.open(body.faults, value, path, need=("title",), may=("url", "note"))
        source.text("note", most=1000)
        found[name] = (source.text("title", most=1000), source.text("url", most=1000))
    return found


def read_care_groups(body: Body) -> tuple[CareGroup, ...]:
    """Returns the groups of care types."""
    groups = []
    for name, value, path in body.named("care_groups", _NAME, _NAME_EXPECTED):
        patterns = body.faults.codes(value, path)
        for pattern in patterns:
            if not re.fullmatch(_CARE_PATTERN, pattern):
                message = f"expected a care type, or its beginning and *, got {shown(pattern)}"
                body.faults.note(path, message)
        groups.append(CareGroup(name, patterns))
    return tuple(groups)


def read_line_groups(body: Body) -> tuple[LineGroup, ...]:
    """Returns the groups of lines."""
    pattern, what = rf"(?!{REST}$){_NAME}", f"{_NAME_EXPECTED}, not {REST}"
    groups = []
    for name, value, path in body.named("line_groups", pattern, what):
        group = Body.open(body.faults, value, path, may=("classes", "item_groups"))
        classes = group.codes("classes")
        for code in classes or ():
            if code not in CLASSES:
                group.fault("classes", f"expected one of {', '.join(CLASSES)}, got {shown(code)}")
        groups.append(LineGroup(name, classes, group.codes("item_groups")))
    return tuple(groups)


def read_windows(body: Body) -> Windows:
    """Returns how windows are cut."""
    windows = body.inner("windows", may=("stay", "period", "year"))
    stay = windows.inner("stay", may=("joins_transfers_within_days", "facts"))
    period = windows.inner("period", need=("days",))
    year = windows.inner("year", may=("starts", "stay_over_new_year", "deductible"))
    new_year = year.choice("stay_over_new_year", NewYear, NewYear.DISCHARGE)
    if "deductible" in year.data and new_year is not NewYear.SPLIT:
        year.fault("deductible", "is said only with stay_over_new_year: split")
    starts = year.code("starts", _DAY_OF_YEAR, "a day of the year such as 01-01") or "01-01"
    facts = stay.one_of("facts", ("discharge", "admission"), "discharge")
    return Windows(
        joins_transfers_within_days=stay.whole_or_none("joins_transfers_within_days"),
        facts_of_admission=facts == "admission",
        period_days=period.whole("days", low=1, high=3660) if "days" in period.data else None,
        year_starts=(int(starts[:2]), int(starts[3:])),
        new_year=new_year,
        split_deductible=year.choice("deductible", SplitDeductible, SplitDeductible.ONCE),
    )


# 29 February begins no year, since most have none.
_DAY_OF_YEAR = (
    r"02-(0[1-9]|1[0-9]|2[0-8])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    r"|(0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])"
)


def read_counts(scope: Scope, body: Body) -> Iterator[Count]:
    """Yields the counts."""
    for name, value, path in body.named("counts", _NAME, _NAME_EXPECTED):
        count = Body.open(scope.faults, value, path, need=("of",), may=("in", "per", "care_groups"))
        of = scope.window(count, "of")
        within = count.choice("in", Window, Window.YEAR)
        if not of.is_smaller_than(within):
            count.fault("of", "of must be a smaller window than in")
        groups = count.codes("care_groups")
        for group in groups or ():
            if group not in scope.care_groups:
                known = ", ".join(scope.care_groups)
                count.fault("care_groups", f"expected one of {known}, got {shown(group)}")
        yield Count(name, of, within, scope.per(count), groups)


def read_parameters(scope: Scope, body: Body) -> Iterator[Parameter]:
    """Yields the dated amounts."""
    for name, _, path in body.named("parameters", _PARAMETER, f"{_NAME_EXPECTED}, no amount's"):
        declared = body.inner("parameters", may=(name, *_keys(body, "parameters")))
        values = []
        for value, at in declared.items(name, "values"):
            entry = Body.open(scope.faults, value, at, need=("from", "fen"), may=("cites",))
            values.append(
                ParameterValue(entry.day("from"), entry.whole("fen"), scope.clause(entry))
            )
        days = [value.start_date for value in values]
        if days != sorted(set(days)):
            scope.faults.note(path, "dates must rise")
        yield Parameter(name, tuple(values))


def _keys(body: Body, key: str) -> tuple[str, ...]:
    value = body.data.get(key)
    return tuple(value) if isinstance(value, dict) else ()


def read_counters(scope: Scope, body: Body) -> Iterator[Counter]:
    """Yields the counters; they may name what any step leaves."""
    keys = ("counts", "per", "by", "cites", "title", "title_zh")
    for name, value, path in body.named("counters", _NAME, _NAME_EXPECTED):
        counter = Body.open(scope.faults, value, path, need=("window", "limits", "rows"), may=keys)
        clause = scope.clause(counter)
        yield Counter(
            name=name,
            title=counter.text("title"),
            title_zh=counter.text("title_zh"),
            clause=clause,
            window=scope.window(counter),
            per=scope.per(counter),
            limits=_limits(scope, counter),
            counts=scope.names(counter, "counts", scope.amounts),
            table=read_table(
                scope, counter, lambda row: _limit(scope, row), need=("limit",), clause=clause
            ),
        )


def _limits(scope: Scope, counter: Body) -> tuple[str, ...]:
    """Returns what a counter limits; notes what cannot be limited."""
    possible, impossible = [], {}
    for step in scope.steps.values():
        for what in ("paid", "covered"):
            name = f"{step.id}.{what}"
            of_due = isinstance(step, TiersStep) and step.less is not None and what == "covered"
            if what in step.leaves and isinstance(step, DeductibleStep | TiersStep) and not of_due:
                possible.append(name)
            elif what in step.leaves:
                impossible[name] = f"{name} cannot be limited"
    return scope.names(counter, "limits", possible, refused=impossible)


def _limit(scope: Scope, row: Body) -> Amount | None:
    return None if row.data.get("limit") == "none" else read_amount(scope, row, "limit", ())
