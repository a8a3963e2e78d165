"""Terms that settlements were given after they were settled, as stored.

Facts, and what a policy of the second format asks beyond them, are a JSON object:

    facts                              an object, as in `Facts`
    benefit                            as in form 3 of the settlement's record

Lines are stored as those of a settlement in form 2, before they are divided.
"""

from collections.abc import Collection, Iterable, Iterator

import msgspec

from yibao_common.db.rows import Insert, Row, Select, Statement
from yibao_common.values.errors import InvariantError
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.application.settlement.terms import EffectiveTerms, TermsSet
from yibao_settlement.rules.difference import Cause
from yibao_settlement.rules.policy.split import Facts
from yibao_settlement.storage import tables
from yibao_settlement.storage.settlement.form import (
    StoredBenefit,
    lines_in_form_2,
    split_lines,
    stored_benefit,
)
from yibao_settlement.storage.settlement.record import lines_text, stored_lines

TERMS_COLUMNS = (
    *("settlement_id", "number", "set_time", "cause", "cause_id"),
    *("policy_version", "terms", "lines"),
)


class _Stored(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    facts: Facts
    benefit: StoredBenefit | None = None


_encode = msgspec.json.Encoder().encode
_stored = msgspec.json.Decoder(_Stored).decode


def write_terms(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the terms that settlements were given."""
    rows = [(working_set.region, *_row(each)) for each in working_set.changes.terms]
    yield Insert(tables.settlement_terms, ("region", *TERMS_COLUMNS), rows)


def _row(given: TermsSet) -> Row:
    settlement_id, number, set_time, cause, cause_id, terms = given
    benefit = None if terms.benefit is None else stored_benefit(terms.benefit)
    lines = lines_in_form_2(terms.lines, terms.particulars) if terms.particulars else terms.lines
    return (
        *(settlement_id, number, set_time, int(cause), cause_id, terms.policy_version),
        _encode(_Stored(terms.facts, benefit)).decode(),
        lines_text(lines),
    )


def terms_from(row: Row) -> TermsSet:
    """Returns the terms in a row of TERMS_COLUMNS.

    Raises InvariantError where they are not what was written.
    """
    settlement_id, number, set_time, cause, cause_id, policy_version, told, all_lines = row
    lines, particulars = split_lines(stored_lines(settlement_id, all_lines))
    try:
        stored, known = _stored(told), Cause(cause)
        benefit = None if stored.benefit is None else stored.benefit.terms()
    except (msgspec.DecodeError, ValueError) as error:
        raise InvariantError(f"terms {number} of settlement {settlement_id}: {error}") from error
    terms = EffectiveTerms(policy_version, stored.facts, benefit, lines, particulars)
    return TermsSet(settlement_id, number, set_time, known, cause_id, terms)


def newest_terms(rows: Iterable[Row]) -> dict[str, TermsSet]:
    """Returns the newest terms of each settlement in rows of TERMS_COLUMNS."""
    newest: dict[str, Row] = {}
    for row in rows:
        if row[0] not in newest or newest[row[0]][1] < row[1]:
            newest[row[0]] = row
    return {settlement_id: terms_from(row) for settlement_id, row in newest.items()}


def select_terms(region: str, settlement_ids: Collection[str]) -> Select:
    """Returns the look-up of the terms that settlements were given."""
    return Select(
        tables.settlement_terms, TERMS_COLUMNS, region, "settlement_id", tuple(settlement_ids)
    )
