"""Audits, admission declarations and complaints as callers by their certificates call them."""

import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from support.paper_desk import PERSON
from support.services import run_service
from support.serving import channel_credentials, open_test_log, reason_in
from support.stored_papers import StoredDesk

from yibao.offsite.v1 import (
    admission_declaration_service_pb2,
    admission_declaration_service_pb2_grpc,
    audit_service_pb2,
    audit_service_pb2_grpc,
    audit_task_pb2,
    complaint_service_pb2,
    complaint_service_pb2_grpc,
)
from yibao_common.db.database import Database
from yibao_common.keys.dev_ca import DevCertificates, Leaf
from yibao_common.rpc.access import methods_of
from yibao_common.values.ids import new_id
from yibao_offsite.audit_parts import DESCRIPTORS
from yibao_offsite.config import OffsiteConfig
from yibao_offsite.main import OffsiteService

REGION, THERE = "330100", "310000"
HOSPITAL = "H31000000001"
VISIT = "0190b5c4-7d3a-7f60-8a51-2f8f0d1b7d01"
SECRET = "0123456789abcdef"
NOW = dt.datetime(2026, 11, 27, 4, tzinfo=dt.UTC)
TODAY = NOW.date()
LEAVES = (
    Leaf("server", "service/offsite", is_server=True),
    *(Leaf(name, f"agency/{REGION}/{name}") for name in ("chief", "wang", "li")),
    Leaf("chen", f"agency/{THERE}/chen"),
    Leaf("other", "agency/440100/mo"),
    Leaf("supervisor", "supervisor/33/zhou"),
    Leaf("hospital", f"institution/{HOSPITAL}"),
    Leaf("other-hospital", "institution/H31000000002"),
    Leaf("holder", f"holder/{VISIT}"),
)
OFFSITE = methods_of(DESCRIPTORS)


@dataclass
class Offsite:
    """A service that runs, and its methods by the name of the caller's certificate."""

    port: int
    folder: Path
    papers: StoredDesk
    _channels: list[grpc.aio.Channel] = field(default_factory=list)
    _named: dict[str, grpc.aio.Channel] = field(default_factory=dict)

    async def call(self, by: str, method: str, **fields: Any) -> Any:
        """Calls a method of any of the services; a changing one with a new request id."""
        for pb, rpc, name in (
            (audit_service_pb2, audit_service_pb2_grpc, "AuditService"),
            (
                admission_declaration_service_pb2,
                admission_declaration_service_pb2_grpc,
                "AdmissionDeclarationService",
            ),
            (complaint_service_pb2, complaint_service_pb2_grpc, "ComplaintService"),
        ):
            kind = getattr(pb, f"{method}Request", None)
            if kind is not None:
                credentials = channel_credentials(self.folder, by)
                options = [("grpc.use_local_subchannel_pool", 1)]
                address = f"localhost:{self.port}"
                channel = grpc.aio.secure_channel(address, credentials, options=options)
                self._channels.append(channel)
                stub = getattr(rpc, f"{name}Stub")(channel)
                if "request_id" in kind.DESCRIPTOR.fields_by_name:
                    fields.setdefault("request_id", new_id())
                if "region" in kind.DESCRIPTOR.fields_by_name:
                    fields.setdefault("region", REGION)
                return await getattr(stub, method)(kind(**fields), timeout=30)
        raise AssertionError(method)

    async def send(self, by: str, path: str, message: Message) -> Any:
        """Sends a message to a method by its path, as `by`; one channel a caller."""
        channel = self._named.get(by)
        if channel is None:
            credentials = channel_credentials(self.folder, by)
            channel = grpc.aio.secure_channel(f"localhost:{self.port}", credentials)
            self._named[by] = channel
            self._channels.append(channel)
        method = OFFSITE[path]
        call: Any = channel.unary_unary(
            path,
            request_serializer=lambda asked: asked.SerializeToString(),
            response_deserializer=GetMessageClass(method.output_type).FromString,
        )
        return await call(message, timeout=30)

    async def refused(self, by: str, method: str, **fields: Any) -> str:
        """Calls a method that is refused; returns the reason."""
        with pytest.raises(grpc.aio.AioRpcError) as refusal:
            await self.call(by, method, **fields)
        return reason_in(refusal.value)

    async def close(self) -> None:
        for channel in self._channels:
            await channel.close()


Scenario = Callable[[Offsite], Coroutine[Any, Any, None]]


@contextlib.asynccontextmanager
async def serving(
    issued: DevCertificates, database: Database, secrets: Path
) -> AsyncIterator[Offsite]:
    url = database.engine.url.render_as_string(hide_password=False)
    config = OffsiteConfig.model_validate(
        {
            "server": {
                "address": "127.0.0.1:0",
                "certificate_file": issued.leaves["server"].certificate_file,
                "key_file": issued.leaves["server"].key_file,
                "client_ca_file": issued.ca_file,
            },
            "database": {"url": url},
            "personal_data": {
                "encryption_key_files": [str(secrets / "encryption")],
                "hash_key_file": str(secrets / "hash"),
            },
            "complaints": {"most_a_day": 2},
        }
    )
    log, _ = open_test_log()
    service = OffsiteService(config, log=log, clock=lambda: NOW)
    async with run_service(service) as port:
        offsite = Offsite(port, issued.ca_file.parent, StoredDesk(database))
        try:
            yield offsite
        finally:
            await offsite.close()


async def opened(offsite: Offsite, **fields: Any) -> Any:
    values = {
        "task_type": audit_task_pb2.AUDIT_TASK_TYPE_ON_SITE,
        "person_id": PERSON,
        "institution_id": HOSPITAL,
        "reason": "admitted twice in a week",
        **fields,
    }
    return (await offsite.call("chief", "OpenAuditTask", **values)).task


async def begun(offsite: Offsite, **fields: Any) -> str:
    task_id: str = (await opened(offsite, **fields)).task_id
    await offsite.call("chief", "AssignAuditTask", task_id=task_id, assignee="wang")
    await offsite.call("wang", "BeginAuditTask", task_id=task_id)
    return task_id
