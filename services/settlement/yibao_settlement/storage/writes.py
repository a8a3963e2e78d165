"""What a batch writes: a statement a table, all in one round trip."""

import json
from collections.abc import Mapping

from yibao_common.db.rows import Insert, Statement, Update
from yibao_settlement.application.working_set import Changes, NewSettlement, WorkingSet
from yibao_settlement.rules.visit import Visit
from yibao_settlement.storage import tables


def writes_of(working_set: WorkingSet) -> list[Statement]:
    """Returns the statements that write every change of the batch; the caller commits."""
    changes, region = working_set.changes, working_set.region
    return [
        *_person_writes(working_set),
        Insert(
            tables.visit, _VISIT_INSERT, [_visit_row(region, visit) for visit in changes.visits]
        ),
        Insert(
            tables.used_code,
            _USED_CODE_INSERT,
            [
                (
                    region,
                    use.code.signer,
                    use.code.code_id,
                    use.request_id,
                    use.institution_id,
                    use.code.terminal_id,
                    use.code.scan_time,
                )
                for use in changes.code_uses
            ],
        ),
        Insert(
            tables.settlement,
            _SETTLEMENT_INSERT,
            [_settlement_row(region, new) for new in changes.settlements],
        ),
        _reversal_write(region, changes),
        Insert(
            tables.entry,
            ("region", "account_id", "posting_id", "kind", "amount_fen"),
            [
                (region, entry.account_id, posting.posting_id, int(posting.kind), entry.amount_fen)
                for posting in changes.postings
                for entry in posting.entries
            ],
        ),
        Insert(
            tables.answer,
            ("region", "request_id", "digest", "response", "method", "answer_time"),
            [
                (
                    region,
                    answer.request_id,
                    answer.digest,
                    answer.response,
                    answer.method,
                    working_set.now,
                )
                for answer in changes.answers
            ],
        ),
    ]


# Made once: `json.dumps` with options makes an encoder at every call.
_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":")).encode

_USED_CODE_INSERT = (
    "region",
    "signer",
    "code_id",
    "request_id",
    "institution_id",
    "terminal_id",
    "scan_time",
)
_VISIT_INSERT = (
    "region",
    "visit_id",
    "person_id",
    "institution_id",
    "provider_visit_number",
    "care_type",
    "start_date",
    "birth_date",
    "insurance_type",
    "person_class",
    "entitlement_groups",
    "institution_level",
    "register_time",
)
_SETTLEMENT_INSERT = (
    "region",
    "settlement_id",
    "request_id",
    "visit_id",
    "bill_number",
    "person_id",
    "institution_id",
    "insurance_type",
    "benefit_year",
    "service_date",
    "settle_time",
    "policy_version",
    "total_fen",
    "fund_total_fen",
    "account_fen",
    "cash_fen",
    "accumulations",
    "fund_amounts",
)


def _person_writes(working_set: WorkingSet) -> list[Statement]:
    region = working_set.region
    standings = [
        working_set.standings[person_id] for person_id in sorted(working_set.changes.person_ids)
    ]
    years = [
        (region, person_id, year, amounts_json(working_set.closed_years[person_id, year]))
        for person_id, year in sorted(working_set.changes.closed_years)
    ]
    return [
        Update(
            tables.person_standing,
            ("region", "person_id"),
            ("balance_fen", "benefit_year", "accumulators", "newest_codes"),
            [
                (
                    region,
                    standing.person_id,
                    standing.balance_fen,
                    standing.benefit_year,
                    amounts_json(standing.accumulators),
                    amounts_json(standing.newest_codes),
                )
                for standing in standings
            ],
        ),
        Insert(
            tables.closed_year,
            ("region", "person_id", "benefit_year", "accumulators"),
            years,
            skip_existing=True,
        ),
        Update(
            tables.closed_year,
            ("region", "person_id", "benefit_year"),
            ("accumulators",),
            years,
        ),
    ]


def _reversal_write(region: str, changes: Changes) -> Statement:
    return Update(
        tables.settlement,
        ("region", "settlement_id"),
        ("reversal_id", "reverse_time", "reverse_reason", "reversed_by"),
        [
            (
                region,
                reversal.settlement.settlement_id,
                reversal.reversal_id,
                reversal.reverse_time,
                reversal.reason,
                reversal.actor,
            )
            for reversal in changes.reversals
        ],
    )


def _visit_row(region: str, visit: Visit) -> tuple[object, ...]:
    return (
        region,
        visit.visit_id,
        visit.person_id,
        visit.institution_id,
        visit.provider_visit_number,
        visit.care_type,
        visit.start_date,
        visit.birth_date,
        visit.insurance_type,
        visit.person_class,
        ",".join(visit.entitlement_groups),
        visit.institution_level,
        visit.register_time,
    )


def _settlement_row(region: str, new: NewSettlement) -> tuple[object, ...]:
    settled = new.settled
    adjudication = settled.adjudication
    visit, bill, split = adjudication.visit, adjudication.bill, adjudication.split
    return (
        region,
        settled.settlement_id,
        new.request_id,
        visit.visit_id,
        bill.bill_number,
        visit.person_id,
        visit.institution_id,
        adjudication.insurance_type,
        bill.service_date.year,
        bill.service_date,
        settled.settle_time,
        adjudication.policy_version,
        split.total_fen,
        split.fund_total_fen,
        split.account_fen,
        split.cash_fen,
        amounts_json(new.accumulations),
        amounts_json(new.fund_amounts),
    )


def amounts_json(amounts: Mapping[str, int]) -> str:
    """Returns amounts by name as stored: a JSON object with sorted names."""
    if not amounts:
        return "{}"
    return _encode(amounts)
