"""Tokens as stored: what each stands for, found by its hash, and whether it was used."""

from collections.abc import Iterator

import sqlalchemy as sa

from yibao_common.db.rows import Insert, Row, Select, Statement, execute
from yibao_settlement.application.batch.needs import Needs
from yibao_settlement.application.batch.working_set import WorkingSet
from yibao_settlement.rules.presentation import PresentedCode
from yibao_settlement.rules.token import ResolvedCode, TokenUse
from yibao_settlement.storage import tables
from yibao_settlement.storage.batch.loading import Read, Wanted

_COLUMNS = (
    *("token_hash", "resolution_id", "subject", "code_id", "device_certificate_id"),
    *("issue_time", "scan_time", "terminal_id", "audience", "institution_id", "expire_time"),
)
_FOUND = ("token_hash", "resolution_id", "subject")


def with_codes_of_tokens(connection: sa.Connection, region: str, needs: Needs) -> Needs:
    """Returns needs with those of the codes that tokens stand for.

    What a token stands for never changes. Whether it was used is read under the person's lock.
    """
    if not needs.token_hashes:
        return needs
    hashes = tuple(needs.token_hashes)
    select = Select(tables.credential_token, _FOUND, region, "token_hash", hashes)
    (rows,) = execute(connection, [select])
    holders, stays = needs.holder_token_hashes, needs.stay_token_hashes
    return needs._replace(
        resolution_ids=[resolution_id for _, resolution_id, _ in rows],
        subjects={*needs.subjects, *(subject for *_, subject in rows)},
        holder_subjects={
            *needs.holder_subjects,
            *(subject for token_hash, _, subject in rows if token_hash in holders),
        },
        stay_subjects={
            *needs.stay_subjects,
            *(subject for token_hash, _, subject in rows if token_hash in stays),
        },
    )


def read_tokens(wanted: Wanted) -> tuple[Read, Read]:
    """Reads what tokens stand for, and which of them were used."""
    needs = wanted.needs
    hashes, resolution_ids = needs.token_hashes, needs.resolution_ids
    return (
        Read(
            wanted.select(tables.credential_token, _COLUMNS, "token_hash", hashes), _keep_resolved
        ),
        Read(
            wanted.select(tables.token_use, ("resolution_id",), "resolution_id", resolution_ids),
            _keep_used,
        ),
    )


def write_tokens(working_set: WorkingSet) -> Iterator[Statement]:
    """Writes the tokens that the batch gave, and those that it used up: once, by their key."""
    region, tokens = working_set.region, working_set.tokens
    yield Insert(
        tables.credential_token,
        ("region", *_COLUMNS),
        [(region, *_row(each)) for each in tokens.resolved],
    )
    yield Insert(
        tables.token_use,
        ("region", *TokenUse._fields),
        [(region, *each) for each in tokens.uses],
    )


def _row(resolved: ResolvedCode) -> Row:
    code = resolved.code
    return (
        *(resolved.token_hash, code.resolution_id, code.subject, code.code_id),
        *(code.device_certificate_id, code.issue_time, code.scan_time, code.terminal_id),
        *(resolved.audience, resolved.institution_id, resolved.expire_time),
    )


def _keep_resolved(working_set: WorkingSet, rows: list[Row]) -> None:
    for token_hash, resolution_id, subject, code_id, device_id, *rest in rows:
        issue_time, scan_time, terminal_id, audience, institution_id, expire_time = rest
        code = PresentedCode(
            *(working_set.region, subject, code_id, issue_time, scan_time, terminal_id),
            device_certificate_id=device_id,
            resolution_id=resolution_id,
        )
        working_set.tokens.found[token_hash] = ResolvedCode(
            token_hash, code, audience, institution_id, expire_time
        )


def _keep_used(working_set: WorkingSet, rows: list[Row]) -> None:
    working_set.tokens.used.update(resolution_id for (resolution_id,) in rows)
