"""Checks of a person's bills in order: H2 and H13."""

from typing import Any

from support.benefit_oracle.memory import Memory

from .facts import Seen, Violation


def check_fold(seen: Seen, person_id: str) -> None:
    """Checks a person's effective columns and windows against the fold (H2)."""
    fold = seen.folds[person_id]
    for each in seen.books.alive(person_id):
        column = fold.decided[each.settlement_id].column
        bears = each.effective.paid, each.effective.person_fen, each.effective.arrears
        if bears != (column.paid, column.person_fen, column.arrears):
            raise Violation("H2", f"{each.settlement_id} costs {bears}, in order {column}")
    stored = remembered(seen.books.windows_of(person_id))
    in_order = remembered(fold.windows)
    if stored != in_order:
        raise Violation("H2", f"windows of {person_id} keep {stored}, in order {in_order}")


def remembered(windows: Memory) -> dict[Any, Any]:
    """Returns what windows remember, without what is zero."""
    found: dict[Any, Any] = {}
    for instance, names in windows.windows.items():
        for name, value in names.items():
            if value:
                found[instance, name] = value
    return found | {count: numbers for count, numbers in windows.counted.items() if numbers}


def check_limits(seen: Seen, person_id: str) -> None:
    """Checks counters whose limits are fen against the highest of them, holds included (H13)."""
    versions = {each.terms for each in seen.books.alive(person_id)}
    policies = [each.history.policy for each in versions]
    for (_, name), value in remembered(seen.folds[person_id].windows).items():
        if not (isinstance(name, str) and name.startswith("counter.")):
            continue
        counter = name.removeprefix("counter.")
        written = [(policy.get("counters") or {}).get(counter) for policy in policies]
        limits = [row["limit"] for each in written if each for row in each["rows"]]
        plain = all(isinstance(limit, int) for limit in limits)
        only_limits = not any(each.get("counts") for each in written if each)
        if limits and plain and only_limits and value > max(limits):
            raise Violation("H13", (person_id, name, value))
