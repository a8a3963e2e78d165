"""A counter at which papers are handed in, over rows in memory or a database."""

import datetime as dt
from collections.abc import Callable
from typing import Any

import pytest
from support.papers import parts_of, pdf, sha256

from yibao_common.commands.request import Request
from yibao_common.commands.transactions import Transactions
from yibao_common.values.caller import parse_caller
from yibao_common.values.errors import RuleError
from yibao_common.values.ids import new_id
from yibao_common.values.reasons import Reason
from yibao_offsite.application.material.change import (
    DecideWaiver,
    MaterialChanges,
    ReplaceMaterial,
    ReturnMaterial,
    WaiveMaterial,
)
from yibao_offsite.application.material.papers import take_papers
from yibao_offsite.application.material.read import Readings, ReadPart
from yibao_offsite.application.material.upload import BeginUpload, EndUpload, UploadPart, Uploads
from yibao_offsite.application.work import Work
from yibao_offsite.rules.material.access import Purpose
from yibao_offsite.rules.material.limits import Limits
from yibao_offsite.rules.material.material import Material, MediaType, Owner, PhotoFacts, Told

REGION = "330100"
PERSON, OTHER = (f"0190b5c4-7d3a-7f60-8a51-2f8f0d1b6c{end}" for end in ("3e", "3f"))
OWNER_ID, OTHER_OWNER_ID = (f"0190b5c4-7d3a-7f60-8a51-2f8f0d1b6d{end}" for end in ("01", "02"))
NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
CLERK, CHECKER, AUDITOR = (f"agency/{REGION}/{name}" for name in ("wang", "li", "auditor"))
WALLET, OTHER_APP = "channel/wallet", "channel/other"
LIMITS = Limits(
    file_bytes=20_000_000,
    open_of_person=3,
    open_of_party=4,
    bytes_of_person=40_000_000,
    unused_bytes_of_party=30_000_000,
)
PHOTO = PhotoFacts(NOW, "王芳", "三楼12床")


class PaperDesk:
    """Papers of one region; a caller is named by its certificate's path."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        is_scanned: bool = False,
        limits: Limits = LIMITS,
        ids: Callable[[], str] = new_id,
    ) -> None:
        """Takes what begins transactions. The time is `now`, which tests move."""
        self.transactions = transactions
        self.now = NOW

        def clock() -> dt.datetime:
            return self.now

        told: dict[str, Any] = {"clock": clock, "ids": ids}
        self.uploads = Uploads(transactions, limits=limits, is_scanned=is_scanned, **told)
        self.changes = MaterialChanges(transactions, limits=limits, **told)
        self.readings = Readings(transactions, evidence_readers=[AUDITOR], clock=clock)
        self.given: list[Material] = []

    def encode(self, material: Material) -> bytes:
        self.given.append(material)
        return material.material_id.encode()

    def begin(
        self,
        data: bytes = b"",
        *,
        by: str = WALLET,
        kind: str = "lease",
        media_type: MediaType = MediaType.PDF,
        size: int | None = None,
        person_id: str = PERSON,
    ) -> str:
        photo = PHOTO if kind.endswith("photo") else None
        told = Told(len(data) if size is None else size, media_type, sha256(data), photo)
        command = BeginUpload(asked("BeginUpload", by), person_id, kind, told)
        return self.uploads.begin(command, self.encode).decode()

    def part(self, id: str, number: int, data: bytes, *, by: str = WALLET) -> int:
        command = UploadPart(asked("UploadPart", by), id, number, data, sha256(data))
        return int(self.uploads.part(command, lambda missing: str(missing).encode()))

    def finish(self, id: str, *, by: str = WALLET) -> Material:
        self.uploads.finish(EndUpload(asked("FinishUpload", by), id), self.encode)
        return self.given[-1]

    def discard(self, id: str, *, by: str = WALLET) -> Material:
        self.uploads.discard(EndUpload(asked("DiscardUpload", by), id), self.encode)
        return self.given[-1]

    def hand_in(self, data: bytes | None = None, *, by: str = WALLET, **told: object) -> str:
        data = pdf() if data is None else data
        id = self.begin(data, by=by, **told)  # type: ignore[arg-type]
        for number, part in enumerate(parts_of(data), 1):
            self.part(id, number, part, by=by)
        self.finish(id, by=by)
        return id

    def read(
        self, id: str, *, by: str, number: int = 1, purpose: Purpose = Purpose.REVIEW
    ) -> bytes:
        return self.readings.part(ReadPart(asked("GetMaterialPart", by), id, number, purpose))[1]

    def use(self, *ids: str, owner_id: str = OWNER_ID, person_id: str = PERSON) -> None:
        self.transactions.change(
            REGION,
            lambda work: take_papers(
                work, ids, person_id=person_id, owner=Owner.REGISTRATION, owner_id=owner_id
            ),
        )

    def return_(self, id: str) -> Material:
        command = ReturnMaterial(asked("ReturnMaterial", CLERK), id, "看不清")
        self.changes.return_(command, self.encode)
        return self.given[-1]

    def replace(self, id: str, new_id: str, *, by: str = CLERK) -> Material:
        command = ReplaceMaterial(asked("ReplaceMaterial", by), id, new_id)
        self.changes.replace(command, self.encode)
        return self.given[-1]

    def waive(self, kind: str = "lease", *, by: str = CLERK) -> str:
        command = WaiveMaterial(asked("WaiveMaterial", by), PERSON, kind, "单位已函告")
        return self.changes.waive(command, self.encode).decode()

    def decide(self, id: str, *, by: str, is_granted: bool = True) -> Material:
        command = DecideWaiver(asked("DecideWaiver", by), id, is_granted)
        self.changes.decide(command, self.encode)
        return self.given[-1]


def asked(method: str, by: str) -> Request:
    request_id = new_id()
    return Request.of(
        parse_caller(by), method=method, region=REGION, request_id=request_id, contents=b""
    )


def refused(run: Callable[[], object]) -> Reason:
    with pytest.raises(RuleError) as caught:
        run()
    return caught.value.reason
