"""What the ledger checker examines of closed periods: nothing of them changes (H11).

Each fault is a subject and what is wrong with it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from yibao_common.values.caller import are_two_operators
from yibao_settlement.rules.period.close import (
    Period,
    PeriodClose,
    PeriodSum,
    amount_of,
    count_of,
)
from yibao_settlement.rules.period.month import next_month

Fault = tuple[str, str]
Sums = Mapping[Period, Sequence[PeriodSum]]


def period_faults(
    closes: Sequence[PeriodClose],
    kept: Mapping[str, Sequence[PeriodSum]],
    booked: Sums,
    audited: Mapping[str, Mapping[str, str]],
    *,
    ended_month: int,
) -> Iterator[Fault]:
    """Yields closed periods, by institution and month, that are not as they were closed.

    `kept` are the sums that each was closed with, `booked` those of the entries, `audited`
    what the audit tells of each; `ended_month` is the last that takes no posting any more.
    """
    known = {close.close_id for close in closes}
    for close_id in sorted(kept.keys() - known):
        yield close_id, "sums are kept of it, and it closed nothing"
    for close_id in sorted(audited.keys() - known):
        yield close_id, "the audit tells that it closed a month"
    yield from _out_of_order(closes)
    for close in closes:
        sums = kept.get(close.close_id, ())
        for detail in _changed(close.period, sums, booked.get(close.period, ())):
            yield _name(close), detail
        told = (amount_of(close.period, sums), count_of(close.period, sums))
        if told != (close.amount_fen, close.entry_count):
            yield _name(close), f"was closed with {close.amount_fen} fen, its sums make {told[0]}"
        if close.month > ended_month:
            yield _name(close), f"is closed, and months after {ended_month} take postings"
        if not are_two_operators(close.maker, close.checker):
            yield _name(close), "was not closed by two operators"
        if audited.get(close.close_id) != _on_record(close):
            yield _name(close), "the audit tells of no such closing"


def _changed(
    period: Period, kept: Iterable[PeriodSum], booked: Iterable[PeriodSum]
) -> Iterator[str]:
    """Yields where the entries of a period come to something else than it was closed with."""
    before, now = ({each[:3]: each[3:] for each in sums} for sums in (kept, booked))
    for key in sorted(before.keys() | now.keys()):
        (count, fen), (count_now, fen_now) = before.get(key, (0, 0)), now.get(key, (0, 0))
        if (count, fen) != (count_now, fen_now):
            account_id, kind, original = key
            of = f" of {original}" if original else ""
            yield (
                f"month {period.month} was closed with {fen} fen in {count} entries of "
                f"{account_id} by kind {kind}{of}, booked are {fen_now} in {count_now}"
            )


def _out_of_order(closes: Iterable[PeriodClose]) -> Iterator[Fault]:
    """Yields months that are closed though the one before is not."""
    last: dict[str, int] = {}
    for close in sorted(closes, key=lambda each: each.month):
        before = last.get(close.institution_id)
        if before is not None and close.month != next_month(before):
            yield _name(close), f"is closed, and the month after {before} is not"
        last[close.institution_id] = close.month


def _on_record(close: PeriodClose) -> dict[str, str]:
    told = {
        "close": close.close_id,
        "month": str(close.month),
        "amount_fen": str(close.amount_fen),
        "entries": str(close.entry_count),
        "maker": close.maker,
        "checker": close.checker or "",
    }
    return {**told, "institution": close.institution_id} if close.institution_id else told


def _name(close: PeriodClose) -> str:
    return f"{close.institution_id or 'funds'} {close.month}"
