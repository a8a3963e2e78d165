"""Brings and approves versions of lists on a database, as an agency's two operators do."""

import datetime as dt
import itertools
from collections.abc import Sequence

from support.settlement_parts import transactions_of

from yibao_common.commands.request import Request
from yibao_common.db.database import Database
from yibao_common.values.caller import parse_caller
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_settlement.application.catalogue_version.approve import ApproveVersion, Approving
from yibao_settlement.application.catalogue_version.bring import (
    BeginVersion,
    Bringing,
    SentListRow,
    SubmitVersion,
    UploadRows,
    WithdrawVersion,
)
from yibao_settlement.application.catalogue_version.find import CatalogueVersions, Difference
from yibao_settlement.application.catalogue_version.roll_back import RollBackVersion, RollingBack
from yibao_settlement.application.catalogue_version.rows import Chunk, RowFaults
from yibao_settlement.rules.catalogue_version.row import Layer, ListRow, RowContent, subkey_of
from yibao_settlement.rules.catalogue_version.version import CatalogueVersion

LONG_AGO = dt.date(2014, 1, 1)
_NUMBERS = itertools.count(2)


def list_row(
    layer: Layer,
    code: str,
    *,
    start: dt.date = LONG_AGO,
    end: dt.date | None = None,
    number: int = 0,
    **said: object,
) -> ListRow:
    """Returns a row of a layer."""
    content = RowContent(**said)  # type: ignore[arg-type]
    number = number or next(_NUMBERS)
    return ListRow(number, code, subkey_of(layer, content), start, end, content)


def insured(code: str, catalogue_class: str = "02", **said: object) -> ListRow:
    """Returns a row of the insurance list."""
    days = {name: said.pop(name) for name in ("start", "end") if name in said}
    own = {"name": f"示例药 {code}", "catalogue_class": catalogue_class, **said}
    return list_row(Layer.INSURANCE, code, **days, **own)  # type: ignore[arg-type]


def share(code: str, ratio_ppm: int, person_type: str = "99", **days: dt.date) -> ListRow:
    """Returns a first self-pay share."""
    said = {"person_type": person_type, "share_type": "10", "first_self_pay_ratio_ppm": ratio_ppm}
    return list_row(Layer.SHARE, code, **days, **said)  # type: ignore[arg-type]


def ceiling(code: str, level_type: str, price: str, **days: dt.date) -> ListRow:
    """Returns a price ceiling."""
    said = {"level_type": level_type, "price_ceiling": price}
    return list_row(Layer.CEILING, code, **days, **said)  # type: ignore[arg-type]


class Desk:
    """The operators of a region's agency."""

    def __init__(self, database: Database, region: str, clock: Clock) -> None:
        """Takes the database, which has the region's policies."""
        transactions = transactions_of(database, clock=clock)
        self._region = region
        self.bringing = Bringing(transactions, clock=clock, ids=new_id)
        self.approving = Approving(transactions, clock=clock)
        self.rolling_back = RollingBack(transactions, clock=clock, ids=new_id)
        self.versions = CatalogueVersions(transactions)
        self.told: CatalogueVersion | None = None
        self.chunk: tuple[Chunk, Sequence[RowFaults]] | None = None

    def begin(self, layer: Layer, start: dt.date, *, is_whole: bool = False) -> str:
        """Begins a version and returns its id."""
        said = ("list", start, is_whole, 2, "示例医保发〔2026〕1号")
        self.bringing.begin(BeginVersion(self.asked("Begin"), layer, *said), self._keep)
        assert self.told is not None
        return self.told.version_id

    def upload(self, version_id: str, *rows: ListRow, number: int = 1, digest: str = "") -> bytes:
        """Uploads a chunk."""
        sent = [SentListRow(row) for row in rows]
        digest = digest or repr(rows)[:64]
        command = UploadRows(self.asked("Upload"), version_id, number, digest, lambda _: sent)

        def keep(chunk: Chunk, refused: Sequence[RowFaults]) -> bytes:
            self.chunk = chunk, refused
            return b"chunk"

        return self.bringing.upload(command, keep)

    def submit(self, version_id: str, count: int, *, leaves_out: bool = False) -> None:
        """Submits a version."""
        command = SubmitVersion(self.asked("Submit"), version_id, count, leaves_out)
        self.bringing.submit(command, self._keep)

    def bring(self, layer: Layer, start: dt.date, *rows: ListRow, is_whole: bool = False) -> str:
        """Begins, fills and submits a version; returns its id."""
        version_id = self.begin(layer, start, is_whole=is_whole)
        if rows:
            self.upload(version_id, *rows)
        self.submit(version_id, len(rows))
        return version_id

    def approve(
        self, version_id: str, *, operator: str = "checker", past: bool = True
    ) -> tuple[CatalogueVersion, int]:
        """Approves a version and returns it, with how many items settle otherwise."""
        found: list[tuple[CatalogueVersion, int]] = []

        def keep(version: CatalogueVersion, changed: int) -> bytes:
            found.append((version, changed))
            return b"approved"

        asked = self.asked("Approve", operator=operator)
        self.approving.approve(ApproveVersion(asked, version_id, past), keep)
        return found[-1]

    def put(self, layer: Layer, start: dt.date, *rows: ListRow, is_whole: bool = False) -> str:
        """Brings and approves a version; returns its id."""
        version_id = self.bring(layer, start, *rows, is_whole=is_whole)
        self.approve(version_id)
        return version_id

    def roll_back(self, version_id: str, start: dt.date) -> str:
        """Makes a version that takes another one back; returns its id."""
        command = RollBackVersion(self.asked("RollBack"), version_id, start, "back")
        self.rolling_back.roll_back(command, self._keep)
        assert self.told is not None
        return self.told.version_id

    def withdraw(self, version_id: str) -> None:
        """Gives a version up."""
        self.bringing.withdraw(WithdrawVersion(self.asked("Withdraw"), version_id), self._keep)

    def differences(self, version_id: str) -> list[Difference]:
        """Returns all differences of a version."""
        found: list[Difference] = []
        after = None
        while True:
            page = self.versions.differences(self._region, version_id, after=after, limit=2)
            found += page.differences
            after = page.reached
            if after is None:
                return found

    def asked(self, method: str, *, operator: str = "maker", request_id: str = "") -> Request:
        """Returns what an operator asks."""
        caller = parse_caller(f"agency/{self._region}/{operator}")
        request_id = request_id or new_id()
        return Request(self._region, request_id, request_id.encode(), method, caller)

    def _keep(self, version: CatalogueVersion) -> bytes:
        self.told = version
        return version.version_id.encode()


def refusal(act: object, *given: object, **named: object) -> Reason | None:
    """Returns why an act is refused, None where it is not."""
    try:
        act(*given, **named)  # type: ignore[operator]
    except RuleError as refused:
        return refused.reason
    return None
