"""Papers and photos for the sandbox: images of nothing, each with a hash of its own."""

import hashlib
import random
import struct
import zlib

import grpc

from yibao.errors import error_of
from yibao.offsite.v1 import material_pb2
from yibao.offsite.v1 import material_service_pb2 as pb
from yibao.offsite.v1.material_service_pb2_grpc import MaterialServiceStub
from yibao_cli.demo.elsewhere_scene import until
from yibao_cli.demo.steps import CALL_SECONDS
from yibao_cli.loading import new_request_id
from yibao_common.values.reasons import Reason

_MOST_PIXELS = 64


def sample_image(choose: random.Random) -> bytes:
    """Returns a small PNG of random grey: it is one part."""
    width, height = (choose.randrange(8, _MOST_PIXELS) for _ in range(2))
    rows = b"".join(b"\0" + choose.randbytes(width) for _ in range(height))
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    chunks = ((b"IHDR", head), (b"IDAT", zlib.compress(rows)), (b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
        for name, data in chunks
    )


def upload(
    channel: grpc.Channel,
    image: bytes,
    *,
    region: str,
    person_id: str,
    kind: str,
    photo: material_pb2.PhotoFacts | None = None,
) -> str:
    """Hands an image in and returns the paper's id.

    Raises:
        grpc.RpcError: it is refused.
        StepFailedError: offsite does not learn of the person.
    """
    stub = MaterialServiceStub(channel)
    begin = pb.BeginUploadRequest(
        request_id=new_request_id(),
        region=region,
        person_id=person_id,
        kind=kind,
        size_bytes=len(image),
        media_type=material_pb2.MEDIA_TYPE_PNG,
        content_sha256=hashlib.sha256(image).digest(),
        photo=photo,
    )
    begun: list[str] = []

    def is_begun() -> bool:
        try:
            answer = stub.BeginUpload(begin, timeout=CALL_SECONDS)
        except grpc.RpcError as error:
            # Identity registered the person a moment ago.
            if error_of(error).reason != Reason.PERSON_NOT_FOUND.wire_name:
                raise
            begin.request_id = new_request_id()
            return False
        begun.append(answer.material.material_id)
        return True

    until(is_begun, "offsite does not know the person")
    (material_id,) = begun
    part = pb.UploadPartRequest(
        request_id=new_request_id(),
        region=region,
        material_id=material_id,
        part_number=1,
        data=image,
        part_sha256=hashlib.sha256(image).digest(),
    )
    stub.UploadPart(part, timeout=CALL_SECONDS)
    finish = pb.FinishUploadRequest(
        request_id=new_request_id(), region=region, material_id=material_id
    )
    stub.FinishUpload(finish, timeout=CALL_SECONDS)
    return material_id
