"""Files that are looked through for seconds, and who calls meanwhile."""

import asyncio
import threading
from types import SimpleNamespace
from typing import Any

from yibao.offsite.v1 import material_service_pb2 as pb
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import acting_as
from yibao_common.values.caller import parse_caller
from yibao_common.values.ids import new_id
from yibao_offsite.servicer.material.upload import UploadServicer

_CALLER = parse_caller("channel/app")
_REGION = "330100"


class SlowUploads:
    """Looks through files until it is let go."""

    def __init__(self) -> None:
        self.release = threading.Event()

    def finish(self, _command: object, _encode: object) -> bytes:
        assert self.release.wait(10)
        return b""

    def part(self, _command: object, _encode: object) -> bytes:
        return pb.UploadPartResponse(missing_count=3).SerializeToString()


def test_who_has_files_looked_through_keeps_no_thread_from_others() -> None:
    async def main() -> None:
        uploads, blocking, finishing = SlowUploads(), Blocking(1), Blocking(1)
        papers: Any = SimpleNamespace(uploads=uploads)
        servicer = UploadServicer(papers, blocking, finishing)
        context: Any = None
        named: dict[str, Any] = {"region": _REGION, "material_id": new_id()}
        with acting_as(_CALLER):
            files = [
                asyncio.create_task(
                    servicer.FinishUpload(
                        pb.FinishUploadRequest(request_id=new_id(), **named), context
                    )
                )
                for _ in range(3)
            ]
            part = pb.UploadPartRequest(request_id=new_id(), **named)
            # As stored: bytes.
            answer: Any = await asyncio.wait_for(servicer.UploadPart(part, context), 5)
        assert pb.UploadPartResponse.FromString(answer).missing_count == 3
        uploads.release.set()
        await asyncio.gather(*files)
        for each in (blocking, finishing):
            each.close()

    asyncio.run(main())
