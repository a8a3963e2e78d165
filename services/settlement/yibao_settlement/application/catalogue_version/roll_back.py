"""Taking a version of a list back: a version of its own says what would hold without it."""

import datetime as dt
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from yibao_common.commands.audit import entry_of
from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.ids import Ids
from yibao_settlement.application.catalogue_version.bring import audit_detail
from yibao_settlement.application.catalogue_version.rows import CatalogueVersionRows, KeyPlace
from yibao_settlement.rules.catalogue_version.row import ListRow
from yibao_settlement.rules.catalogue_version.timeline import Piece, timeline_of
from yibao_settlement.rules.catalogue_version.version import (
    CatalogueVersion,
    VersionState,
    check_in_force,
    version_unknown,
)

if TYPE_CHECKING:
    from yibao_settlement.application.work import Work

_KEYS_AT_ONCE = 2_000
_DAY = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class RollBackVersion:
    """Makes a version that takes another one back from a day on."""

    request: Request
    version_id: str
    start_date: dt.date
    title: str


class RollingBack:
    """Makes versions that take others back. Blocks."""

    def __init__(self, transactions: "Transactions[Work]", *, clock: Clock, ids: Ids) -> None:
        """Takes what begins transactions."""
        self._transactions = transactions
        self._clock = clock
        self._ids = ids

    def roll_back(
        self, command: RollBackVersion, encode: Callable[[CatalogueVersion], bytes]
    ) -> bytes:
        """Stores a submitted version once by request id and returns the answer's bytes.

        Its maker is who asks; another operator approves it.

        Raises:
            RuleError: CATALOGUE_VERSION_UNKNOWN, CATALOGUE_VERSION_STATE, REQUEST_ID_REUSED.
        """

        def decide(work: "Work") -> bytes:
            rows, now = work.catalogue_versions, self._clock()
            version = rows.find(command.version_id)
            if version is None:
                raise version_unknown(command.version_id)
            check_in_force(version)
            made = replace(
                version,
                version_id=self._ids(),
                state=VersionState.SUBMITTED,
                title=command.title,
                start_date=command.start_date,
                is_whole=False,
                row_count=0,
                refused_count=0,
                version_number=0,
                base_number=rows.newest_number(version.layer),
                digest=hashlib.sha256(f"without {version.version_id}".encode()).hexdigest(),
                maker=command.request.caller.path,
                begin_time=now,
                submit_time=now,
                checker="",
                close_time=None,
                rolled_back_version_id=version.version_id,
            )
            rows.insert(made)
            count = 0
            for some in _rows_without(rows, version, command.start_date):
                rows.put_rows(made, some)
                count += len(some)
            made = replace(made, row_count=count)
            rows.update(made)
            detail = {**audit_detail(made), "rolled_back": version.version_id}
            entry = entry_of(command.request, at=now, subject_ids=(), detail=detail)
            work.audit.add(entry)
            return encode(made)

        return self._transactions.once(command.request, decide)


def _rows_without(
    rows: CatalogueVersionRows, version: CatalogueVersion, since: dt.date
) -> Iterator[list[ListRow]]:
    """Yields what would hold of each key of a version without it, from a day on."""
    after: KeyPlace | None = None
    while keys := rows.keys(version.version_id, after=after, limit=_KEYS_AT_ONCE):
        after = keys[-1]
        codes = {key.code for key in keys}
        said = rows.said(version.layer, codes, without=version.version_id)
        made: list[ListRow] = []
        for key in keys:
            pieces = timeline_of(said.get(key.code, {}).get(key.subkey, ()))
            made += _restored(key, pieces, since)
        yield made


def _restored(key: KeyPlace, pieces: list[Piece], since: dt.date) -> Iterator[ListRow]:
    """Yields rows of a key that say what the pieces do, from a day on."""
    following = [*(piece.start for piece in pieces[1:]), None][: len(pieces)]
    said = False
    for piece, behind in zip(pieces, following, strict=True):
        if behind is not None and behind <= since:
            continue
        start = max(piece.start, since)
        if not said and start > since:
            yield ListRow(0, *key, since, None, None)
        end = None if behind is None else behind - _DAY
        yield ListRow(0, *key, start, end if piece.content is not None else None, piece.content)
        said = True
    if not said:
        yield ListRow(0, *key, since, None, None)
