"""The forms of a stored settlement: what its JSON holds, by name and type.

Reading checks every name, type and length, so that what was altered past the service is
told as such, by the settlement's id, and does not fail somewhere in a calculation.
"""

import datetime as dt
import functools
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec

from yibao_settlement.application.settlement.record import SettlementRecord
from yibao_settlement.application.settlement.terms import BenefitTerms, OtherPayment
from yibao_settlement.rules.account import NOTHING_CARRIED, Carried
from yibao_settlement.rules.benefit.bill import Given
from yibao_settlement.rules.benefit.facts import FACTS, Kind
from yibao_settlement.rules.benefit.facts import Facts as BenefitFacts
from yibao_settlement.rules.bill import LineParticulars, RefusedLine
from yibao_settlement.rules.elsewhere.terms import Elsewhere
from yibao_settlement.rules.family import FamilyPart
from yibao_settlement.rules.ledger import Entry
from yibao_settlement.rules.policy.split import Facts, FundPayment, SplitLine

# Excluded, over limit, first self-pay, eligible, deductible.
_Amounts = tuple[int, int, int, int, int]


class StoredLine(NamedTuple):
    """A line as stored: the values of a `SplitLine`, and in form 2 what is particular to it."""

    line_number: int
    item_code: str
    catalogue_class: str
    amount_fen: int
    excluded_fen: int
    over_limit_fen: int
    first_self_pay_fen: int
    eligible_fen: int
    first_self_pay_ratio_ppm: int | None
    unit_price: str
    quantity: str
    particulars: LineParticulars | None = None


_WIDTH = len(SplitLine._fields)
_MOST_FACTS = 4_096
_told_facts = msgspec.json.Decoder(dict[str, str | int | list[str]]).decode


def lines_in_form_2(
    lines: Sequence[SplitLine], particulars: Sequence[LineParticulars | None]
) -> list[StoredLine]:
    """Returns the lines with what is particular to each."""
    return [StoredLine(*line, own) for line, own in zip(lines, particulars, strict=True)]


def split_lines(
    lines: Sequence[StoredLine],
) -> tuple[tuple[SplitLine, ...], tuple[LineParticulars | None, ...]]:
    """Returns stored lines and, where any line has some, what is particular to each."""
    particulars = tuple([line.particulars for line in lines])
    return (
        tuple([SplitLine._make(line[:_WIDTH]) for line in lines]),
        particulars if any(particulars) else (),
    )


class StoredBenefit(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """What form 3 has beyond form 2; see `BenefitTerms`. What is empty is left out."""

    # An object: values by name.
    facts: msgspec.Raw
    stay_id: str
    admission_date: dt.date
    given: tuple[Given, ...] = ()
    item_groups: tuple[str, ...] = ()
    other_payments: tuple[OtherPayment, ...] = ()
    arrears: tuple[tuple[str, int], ...] = ()
    elsewhere: Elsewhere | None = None

    def terms(self) -> BenefitTerms:
        """Returns the terms; raises ValueError where the facts are none."""
        return BenefitTerms(
            _facts_from(bytes(self.facts)),
            self.stay_id,
            self.admission_date,
            self.given,
            self.item_groups,
            self.other_payments,
            self.arrears,
            self.elsewhere,
        )


def stored_benefit(terms: BenefitTerms) -> StoredBenefit:
    """Returns terms as they are stored."""
    return StoredBenefit(
        _stored_facts(terms.facts),
        terms.stay_id,
        terms.admission_date,
        terms.given,
        terms.item_groups,
        terms.other_payments,
        terms.arrears,
        terms.elsewhere,
    )


# Bills of a hospital have few different ones.
@functools.lru_cache(_MOST_FACTS)
def _stored_facts(facts: BenefitFacts) -> msgspec.Raw:
    told = {
        name: sorted(value) if isinstance(value, frozenset) else value
        for name, value in facts._asdict().items()
        if value not in (None, frozenset())
    }
    return msgspec.Raw(msgspec.json.encode(told))


@functools.lru_cache(_MOST_FACTS)
def _facts_from(stored: bytes) -> BenefitFacts:
    """Returns stored facts; raises DecodeError or ValueError where they are none."""
    facts: dict[str, Any] = {}
    for name, value in _told_facts(stored).items():
        expected = _TYPES.get(FACTS[name]) if name in FACTS else None
        if expected is None or not isinstance(value, expected):
            raise ValueError(f"{name} is no fact that is {value!r}")
        facts[name] = frozenset(value) if isinstance(value, list) else value
    return BenefitFacts(**facts)


_TYPES: Mapping[Kind, type] = {Kind.CODE: str, Kind.SET: list, Kind.NUMBER: int}


class StoredRecord(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """All that is recorded of a settlement beside the columns and the lines.

    Named tuples are stored as arrays of their values, other values as objects.
    """

    account_used: bool
    accumulations: dict[str, int]
    amounts: _Amounts
    balance_before_fen: int
    entries: tuple[Entry, ...]
    facts: Facts
    fund_payments: tuple[FundPayment, ...]
    # SHA-256, in hexadecimal.
    trace: str
    year_before: dict[str, int]
    # Of form 2, and only where there are some.
    refused_lines: tuple[RefusedLine, ...] = ()
    # Of form 3.
    benefit: StoredBenefit | None = None
    # Of any form, and only where the account held something of earlier years.
    carried: Carried = NOTHING_CARRIED
    # Of any form, and only where relatives' accounts paid.
    family: tuple[FamilyPart, ...] = ()

    def values(self) -> dict[str, Any]:
        """Returns the values by their names in `SettlementRecord`.

        Raises ValueError where the digest is no hexadecimal number, or a fact is none.
        """
        excluded_fen, over_limit_fen, first_self_pay_fen, eligible_fen, deductible_fen = (
            self.amounts
        )
        return {
            "account_used": self.account_used,
            "accumulations": self.accumulations,
            "excluded_fen": excluded_fen,
            "over_limit_fen": over_limit_fen,
            "first_self_pay_fen": first_self_pay_fen,
            "eligible_fen": eligible_fen,
            "deductible_fen": deductible_fen,
            "balance_before_fen": self.balance_before_fen,
            "entries": self.entries,
            "facts": self.facts,
            "fund_payments": self.fund_payments,
            "trace_sha256": bytes.fromhex(self.trace),
            "year_before": self.year_before,
            "refused_lines": self.refused_lines,
            "benefit": None if self.benefit is None else self.benefit.terms(),
            "carried": self.carried,
            "family": self.family,
        }


def stored_from(record: SettlementRecord) -> StoredRecord:
    """Returns what is stored of a settlement."""
    return StoredRecord(
        record.account_used,
        record.accumulations,  # type: ignore[arg-type]  # written, whatever mapping it is
        (
            record.excluded_fen,
            record.over_limit_fen,
            record.first_self_pay_fen,
            record.eligible_fen,
            record.deductible_fen,
        ),
        record.balance_before_fen,
        record.entries,
        record.facts,
        record.fund_payments,
        record.trace_sha256.hex(),
        record.year_before,  # type: ignore[arg-type]
        record.refused_lines,
        None if record.benefit is None else stored_benefit(record.benefit),
        record.carried,
        record.family,
    )
