"""Papers of care elsewhere over a channel, part by part."""

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import grpc
from rich.console import Console

from yibao.offsite.v1 import material_pb2 as messages
from yibao.offsite.v1 import material_service_pb2 as pb
from yibao.offsite.v1.material_service_pb2_grpc import MaterialServiceStub
from yibao_cli.account.asking import SECONDS, carry_out, show
from yibao_cli.call import UNUSABLE, print_answer
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document, tell_unusable
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_instant
from yibao_common.values.ids import new_id

_PART_BYTES = 524_288
_MOST_BYTES = 200_000_000
_TYPES = (
    (b"%PDF-", messages.MEDIA_TYPE_PDF),
    (b"\xff\xd8\xff", messages.MEDIA_TYPE_JPEG),
    (b"\x89PNG", messages.MEDIA_TYPE_PNG),
)


class Photo(NamedTuple):
    """When, in local time, by whom and where a photo was taken."""

    taken: dt.datetime | None
    author: str
    place: str


def run_upload(
    out: Console,
    err: Console,
    at: Connection,
    *,
    file: Path,
    person_id: str,
    kind: str,
    photo: Photo | None,
) -> int:
    """Hands a file in and prints the paper; returns 1 where it was refused, 2 where not asked."""
    try:
        begin = _begin_request(at.region, file, person_id, kind, photo)
    except StartError as error:
        tell_unusable(str(error), err)
        return UNUSABLE

    def act(channel: grpc.Channel) -> None:
        stub = MaterialServiceStub(channel)
        begun = stub.BeginUpload(begin, timeout=SECONDS)
        material_id = begun.material.material_id
        named = {"region": at.region, "material_id": material_id}
        try:
            for number, part in enumerate(_parts(file, begun.part_bytes), 1):
                stub.UploadPart(
                    pb.UploadPartRequest(
                        request_id=new_id(),
                        part_number=number,
                        data=part,
                        part_sha256=hashlib.sha256(part).digest(),
                        **named,
                    ),
                    timeout=SECONDS,
                )
            finish = pb.FinishUploadRequest(request_id=new_id(), **named)
            answer = stub.FinishUpload(finish, timeout=SECONDS)
        except (grpc.RpcError, StartError, KeyboardInterrupt):
            # What nobody can go on with counts into what a person may have open.
            with contextlib.suppress(grpc.RpcError):
                discard = pb.DiscardUploadRequest(request_id=new_id(), **named)
                stub.DiscardUpload(discard, timeout=SECONDS)
            raise
        print_answer(out, answer)

    return carry_out(err, at, act)


def run_show(out: Console, err: Console, at: Connection, paper_id: str) -> int:
    """Prints what is known of a paper; returns as `run_upload`."""
    request = pb.GetMaterialRequest(region=at.region, material_id=paper_id)
    return show(
        out,
        err,
        at,
        lambda channel: MaterialServiceStub(channel).GetMaterial(request, timeout=SECONDS),
    )


def run_save(
    out: Console, err: Console, at: Connection, paper_id: str, *, file: Path, purpose: str
) -> int:
    """Reads a paper into a new file; returns as `run_upload`."""
    request = pb.GetMaterialPartRequest(
        region=at.region,
        material_id=paper_id,
        purpose=messages.ReadPurpose.Value(f"READ_PURPOSE_{purpose.upper()}"),
    )

    def act(channel: grpc.Channel) -> None:
        stub, size, number, count = MaterialServiceStub(channel), 0, 1, 1
        with _new_file(file) as stream:
            while number <= count:
                request.part_number = number
                answer = stub.GetMaterialPart(request, timeout=SECONDS)
                size += stream.write(answer.data)
                number, count = number + 1, answer.part_count
        if is_json():
            print_document(out, {"file": str(file), "size_bytes": size})
        else:
            out.print(f"{file}: {size} bytes", markup=False, highlight=False)

    return carry_out(err, at, act)


@contextlib.contextmanager
def _new_file(file: Path) -> Iterator[BinaryIO]:
    """Opens a file that is not there yet; it does not stay where it did not become whole.

    Raises:
        StartError: it is there, cannot be made, or does not hold all of it.
    """
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise StartError(f"{file}: cannot be made: {error.strerror}") from None
    try:
        with open(descriptor, "wb") as stream:
            yield stream
    except OSError as error:
        file.unlink(missing_ok=True)
        raise StartError(f"{file}: cannot be written: {error.strerror}") from None
    except BaseException:
        file.unlink(missing_ok=True)
        raise


def _begin_request(
    region: str, file: Path, person_id: str, kind: str, photo: Photo | None
) -> pb.BeginUploadRequest:
    digest, size, head = hashlib.sha256(), 0, b""
    for part in _parts(file, _PART_BYTES):
        head = head or part[:8]
        digest.update(part)
        size += len(part)
        if size > _MOST_BYTES:
            raise StartError(f"{file}: has over {_MOST_BYTES} bytes")
    found = [media_type for beginning, media_type in _TYPES if head.startswith(beginning)]
    if not found:
        raise StartError(f"{file}: is no PDF, JPEG or PNG")
    request = pb.BeginUploadRequest(
        request_id=new_id(),
        region=region,
        person_id=person_id,
        kind=kind,
        size_bytes=size,
        media_type=found[0],
        content_sha256=digest.digest(),
    )
    if photo is not None:
        request.photo.author, request.photo.place = photo.author, photo.place
        if photo.taken is not None:
            request.photo.taken_time.CopyFrom(from_instant(photo.taken.astimezone(dt.UTC)))
    return request


def _parts(file: Path, part_bytes: int) -> Iterator[bytes]:
    """Yields what a file holds, part by part. Raises StartError where it cannot be read."""
    try:
        with file.open("rb") as stream:
            while part := stream.read(part_bytes):
                yield part
    except OSError as error:
        raise StartError(f"{file}: cannot be read: {error.strerror}") from None
