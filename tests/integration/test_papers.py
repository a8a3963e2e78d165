"""Papers over mutual TLS: handed in, read by few, and attacked."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.timestamp_pb2 import Timestamp
from support.databases import Databases, SqliteDatabases
from support.paper_service import PERSON, REGION, issue, serving
from support.papers import archive, parts_of, pdf, png, sha256
from support.scanner_daemon import ScannerDaemon
from support.serving import channel_credentials, reason_in

from yibao.offsite.v1 import material_pb2 as messages
from yibao.offsite.v1 import material_service_pb2 as pb
from yibao.offsite.v1 import material_service_pb2_grpc as rpc
from yibao_common.keys.dev_ca import DevCertificates
from yibao_common.values.ids import new_id
from yibao_offsite.rules.material.parts import PART_BYTES


class Counter:
    """Calls of any party to one service."""

    def __init__(self, port: int, folder: Path) -> None:
        self._port = port
        self._folder = folder
        self._channels: dict[str, grpc.aio.Channel] = {}

    def call(self, by: str, method: str, **fields: Any) -> Any:
        if by not in self._channels:
            self._channels[by] = grpc.aio.secure_channel(
                f"localhost:{self._port}",
                channel_credentials(self._folder, by),
                options=[("grpc.use_local_subchannel_pool", 1)],
            )
        request = getattr(pb, f"{method}Request")(**{"region": REGION, **fields})
        if "request_id" in request.DESCRIPTOR.fields_by_name and not request.request_id:
            request.request_id = new_id()
        return getattr(rpc.MaterialServiceStub(self._channels[by]), method)(request)

    async def refused(self, by: str, method: str, **fields: Any) -> str:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await self.call(by, method, **fields)
        assert caught.value.code() is not grpc.StatusCode.INTERNAL
        return str(reason_in(caught.value))

    def begin(self, by: str, data: bytes, **told: Any) -> dict[str, Any]:
        return {
            "person_id": PERSON,
            "kind": "lease",
            "size_bytes": len(data),
            "media_type": messages.MEDIA_TYPE_PDF,
            "content_sha256": sha256(data),
            **told,
        }

    async def hand_in(self, by: str, data: bytes, **told: Any) -> str:
        begun = await self.call(by, "BeginUpload", **self.begin(by, data, **told))
        id: str = begun.material.material_id
        for number, part in enumerate(parts_of(data), 1):
            await self.call(by, "UploadPart", **self.part(id, number, part))
        await self.call(by, "FinishUpload", material_id=id)
        return id

    @staticmethod
    def part(id: str, number: int, data: bytes) -> dict[str, Any]:
        return {
            "material_id": id,
            "part_number": number,
            "data": data,
            "part_sha256": sha256(data),
        }

    async def close(self) -> None:
        for channel in self._channels.values():
            await channel.close()


@pytest.fixture(scope="module")
def issued(tmp_path_factory: pytest.TempPathFactory) -> DevCertificates:
    return issue(tmp_path_factory.mktemp("papers"))


def photo() -> messages.PhotoFacts:
    return messages.PhotoFacts(taken_time=Timestamp(seconds=1), author="王芳", place="三楼12床")


def test_papers_are_handed_in_read_listed_returned_and_replaced(
    databases: Databases, issued: DevCertificates
) -> None:
    async def scenario(at: Counter) -> None:
        data = pdf(PART_BYTES + 9)
        id = await at.hand_in("channel", data)
        found = (await at.call("agency", "GetMaterial", material_id=id)).material
        assert found.state == messages.MATERIAL_STATE_NOT_SCANNED
        assert (found.part_count, found.kind_name) == (2, "房屋租赁合同或产权证明")
        assert (found.content_sha256, found.begun_by) == (sha256(data), "channel/wallet")
        review = messages.READ_PURPOSE_REVIEW
        read = b""
        for number in (1, 2):
            named = {"material_id": id, "part_number": number, "purpose": review}
            read += (await at.call("agency", "GetMaterialPart", **named)).data
        assert read == data

        await at.call("agency", "ReturnMaterial", material_id=id, reason="看不清")
        new = await at.hand_in("channel", pdf())
        replaced = await at.call("channel", "ReplaceMaterial", material_id=id, new_material_id=new)
        assert replaced.material.replaces_material_id == id
        page = await at.call("channel", "ListMaterials", page_size=1)
        assert [each.material_id for each in page.materials] == [new]
        rest = await at.call(
            "channel", "ListMaterials", page_size=1, page_token=page.next_page_token
        )
        assert [(each.material_id, each.reason) for each in rest.materials] == [(id, "看不清")]
        assert not rest.next_page_token
        check = {"material_id": id, "content_sha256": sha256(data)}
        assert (await at.call("supervisor", "CheckMaterial", **check)).is_same

        waived = await at.call(
            "agency", "WaiveMaterial", person_id=PERSON, kind="lease", reason="已函告"
        )
        waiver = {"material_id": waived.material.material_id, "is_granted": True}
        assert await at.refused("agency", "DecideWaiver", **waiver) == "SAME_MAKER_AND_CHECKER"
        decided = await at.call("auditor", "DecideWaiver", **waiver)
        assert decided.material.state == messages.MATERIAL_STATE_WAIVED

        open_ = await at.call("holder", "BeginUpload", **at.begin("holder", pdf()))
        id = open_.material.material_id
        assert list(open_.material.missing_parts) == [1]
        discarded = await at.call("holder", "DiscardUpload", material_id=id)
        assert discarded.material.state == messages.MATERIAL_STATE_DISCARDED

    run(issued, databases.migrated_url("yibao_offsite"), scenario)


def run(issued: DevCertificates, url: str, scenario: Any, **config: Any) -> None:
    async def main() -> None:
        async with serving(issued, url, **config) as port:
            counter = Counter(port, issued.ca_file.parent)
            try:
                await scenario(counter)
            finally:
                await counter.close()

    asyncio.run(main())


@pytest.fixture
def url(tmp_path: Path) -> str:
    return SqliteDatabases(tmp_path).migrated_url("yibao_offsite")


def test_attacks_over_the_wire_are_refused(url: str, issued: DevCertificates) -> None:
    """O-09 among them: who is no auditor reads no photo."""

    async def scenario(at: Counter) -> None:
        gigabyte = at.begin("channel", pdf(), size_bytes=1_000_000_000)
        assert await at.refused("channel", "BeginUpload", **gigabyte) == "MATERIAL_TOO_LARGE"
        id = (await at.call("channel", "BeginUpload", **at.begin("channel", pdf()))).material
        id = id.material_id
        large = at.part(id, 1, bytes(1_100_000))
        assert await at.refused("channel", "UploadPart", **large) == "MESSAGE_TOO_LARGE"
        long = at.part(id, 1, bytes(PART_BYTES + 1))
        assert await at.refused("channel", "UploadPart", **long) == "FIELD_LENGTH"
        more = at.part(id, 2, b"x")
        assert await at.refused("channel", "UploadPart", **more) == "MATERIAL_PART_WRONG"
        other = at.part(id, 1, pdf())
        for stranger in ("other-channel", "agency", "hospital", "holder"):
            assert await at.refused(stranger, "UploadPart", **other) == "MATERIAL_NOT_FOUND"
        assert await at.refused("other-agency", "UploadPart", **other) == "OUT_OF_SCOPE"
        assert await at.refused("supervisor", "UploadPart", **other) == "CALLER_NOT_ALLOWED"
        zipped = await at.call("channel", "BeginUpload", **at.begin("channel", archive()))
        first = at.part(zipped.material.material_id, 1, archive())
        assert await at.refused("channel", "UploadPart", **first) == "MATERIAL_TYPE_REFUSED"
        unknown = at.begin("channel", pdf(), kind="novel")
        assert await at.refused("channel", "BeginUpload", **unknown) == "MATERIAL_KIND_UNKNOWN"
        newer = at.begin("channel", pdf(), media_type=99)
        assert await at.refused("channel", "BeginUpload", **newer) == "FIELD_OUT_OF_RANGE"

        told = {"kind": "surgery_photo", "media_type": messages.MEDIA_TYPE_PNG, "photo": photo()}
        id = await at.hand_in("hospital", png(), **told)
        part = {"material_id": id, "part_number": 1, "purpose": messages.READ_PURPOSE_AUDIT}
        for reader in ("agency", "hospital"):
            assert await at.refused(reader, "GetMaterialPart", **part) == "MATERIAL_RESTRICTED"
        for reader in ("channel", "holder"):
            assert await at.refused(reader, "GetMaterialPart", **part) == "MATERIAL_NOT_FOUND"
        for reader in ("other-agency", "other-supervisor"):
            assert await at.refused(reader, "GetMaterialPart", **part) == "OUT_OF_SCOPE"
            named = {"material_id": id}
            assert await at.refused(reader, "GetMaterial", **named) == "OUT_OF_SCOPE"
        # Another region's agency in its own region finds nothing of this one.
        own = {"region": "500100", **part}
        assert await at.refused("other-agency", "GetMaterialPart", **own) == "MATERIAL_NOT_FOUND"
        assert (await at.call("auditor", "GetMaterialPart", **part)).data == png()
        seen = (await at.call("agency", "GetMaterial", material_id=id)).material
        assert (seen.is_restricted, seen.content_sha256, seen.HasField("photo")) == (
            True,
            b"",
            False,
        )
        listed = (await at.call("auditor", "ListMaterials", kind="surgery_photo")).materials
        assert [each.photo.author for each in listed] == ["王芳"]
        # Whose answer tells the author.
        await at.hand_in("auditor", png(9, 9), **told)
        half = {"owner": messages.MATERIAL_OWNER_AUDIT_TASK}
        assert await at.refused("agency", "ListMaterials", **half) == "FIELD_REQUIRED"

    run(issued, url, scenario)
    # Nor is the photo's author legible where answers are kept.
    files = Path(url.removeprefix("sqlite:///")).parent.glob("*.sqlite*")
    stored = b"".join(file.read_bytes() for file in files)
    assert b"surgery_photo" in stored
    assert "王芳".encode() not in stored


def test_without_keys_no_paper_is_taken(url: str, issued: DevCertificates) -> None:
    async def scenario(at: Counter) -> None:
        for method, fields in (
            ("BeginUpload", at.begin("agency", pdf())),
            ("GetMaterial", {"material_id": new_id()}),
            ("ListMaterials", {}),
            ("WaiveMaterial", {"person_id": PERSON, "kind": "lease", "reason": "x"}),
        ):
            assert await at.refused("agency", method, **fields) == "MATERIALS_NOT_KEPT"

    run(issued, url, scenario, has_keys=False)


def test_a_daemon_scans_papers_while_it_is_up(
    url: str, issued: DevCertificates, tmp_path: Path
) -> None:
    path = tmp_path / "clamd.sock"

    async def scenario(at: Counter) -> None:
        # The daemon is not up yet.
        clean, infected = [await at.hand_in("channel", each) for each in (pdf(), eicar)]
        found = (await at.call("agency", "GetMaterial", material_id=clean)).material
        assert found.state == messages.MATERIAL_STATE_SCANNING
        part = {"material_id": clean, "part_number": 1, "purpose": messages.READ_PURPOSE_REVIEW}
        assert await at.refused("agency", "GetMaterialPart", **part) == "MATERIAL_STATE"
        with ScannerDaemon(path):
            states = await until_scanned(at, clean, infected)
        assert states == [messages.MATERIAL_STATE_CLEAN, messages.MATERIAL_STATE_INFECTED]

    eicar = pdf() + b"%EICAR\n%%EOF\n"
    run(issued, url, scenario, scanner_address=f"unix:{path}", scan_every_seconds=0.1)
    assert threading.active_count() < 50


async def until_scanned(at: Counter, *ids: str) -> list[int]:
    for _ in range(300):
        found = [
            (await at.call("agency", "GetMaterial", material_id=each)).material for each in ids
        ]
        states = [each.state for each in found]
        if messages.MATERIAL_STATE_SCANNING not in states:
            return states
        await asyncio.sleep(0.1)
    raise AssertionError("papers are scanned within half a minute")
