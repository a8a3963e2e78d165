"""RulesService: what a region asks for care elsewhere."""

import datetime as dt
from collections.abc import Callable
from typing import TypeVar

import grpc
from google.protobuf.message import Message

from yibao.offsite.v1 import rules_service_pb2 as pb
from yibao.offsite.v1 import rules_service_pb2_grpc as rpc
from yibao_common.commands.blocking import Blocking
from yibao_common.rpc.callers import current_caller
from yibao_common.rpc.pages import page_token, place_after
from yibao_common.rpc.requests import request_of
from yibao_common.rpc.wire import (
    as_sent,
    from_date,
    from_instant,
    to_date,
    to_instant,
    to_optional_date,
)
from yibao_offsite.application.region_rules import RulesOfRegions, RulesPlace, SubmitRules
from yibao_offsite.files.region_rules import load_region_rules
from yibao_offsite.rules.region_rules import StoredRules

_PAGE_SIZE, _PAGE_SIZE_MAX = 100, 500

MessageT = TypeVar("MessageT", bound=Message)


class RulesServicer(rpc.RulesServiceServicer):
    """Keeps and reads the rules of regions, in threads."""

    def __init__(self, rules: RulesOfRegions, blocking: Blocking) -> None:
        """Takes what answers."""
        self._rules = rules
        self._blocking = blocking

    async def SubmitRules(
        self,
        request: pb.SubmitRulesRequest,
        context: "grpc.aio.ServicerContext[pb.SubmitRulesRequest, pb.SubmitRulesResponse]",
    ) -> pb.SubmitRulesResponse:
        """Submits rules as a draft."""
        asked = request_of(request, "SubmitRules")
        rules = await self._blocking.run(load_region_rules, request.rules_file, name="rules_file")
        command = SubmitRules(
            asked, rules.version, to_date(request.effective_date), request.rules_file
        )
        response = await self._blocking.run(
            self._rules.submit, command, _encoder(pb.SubmitRulesResponse)
        )
        return as_sent(pb.SubmitRulesResponse, response)

    async def ApproveRules(
        self,
        request: pb.ApproveRulesRequest,
        context: "grpc.aio.ServicerContext[pb.ApproveRulesRequest, pb.ApproveRulesResponse]",
    ) -> pb.ApproveRulesResponse:
        """Approves a draft."""
        response = await self._blocking.run(
            self._rules.approve,
            request_of(request, "ApproveRules"),
            request.rules_version,
            _encoder(pb.ApproveRulesResponse),
        )
        return as_sent(pb.ApproveRulesResponse, response)

    async def GetRules(
        self,
        request: pb.GetRulesRequest,
        context: "grpc.aio.ServicerContext[pb.GetRulesRequest, pb.GetRulesResponse]",
    ) -> pb.GetRulesResponse:
        """Reads rules with their file."""
        current_caller().require_region(request.region)
        if request.rules_version:
            found = await self._blocking.run(
                self._rules.find, request.region, request.rules_version
            )
        else:
            known_time = None
            if request.HasField("known_time"):
                known_time = to_instant(request.known_time)
            found = await self._blocking.run(
                self._rules.in_force,
                request.region,
                to_optional_date(request, "in_force_date"),
                known_time,
            )
        return pb.GetRulesResponse(rules=_message(found), rules_file=found.contents)

    async def ListRules(
        self,
        request: pb.ListRulesRequest,
        context: "grpc.aio.ServicerContext[pb.ListRulesRequest, pb.ListRulesResponse]",
    ) -> pb.ListRulesResponse:
        """Lists rules, those that begin last first."""
        current_caller().require_region(request.region)
        size = min(request.page_size or _PAGE_SIZE, _PAGE_SIZE_MAX)
        found = await self._blocking.run(
            self._rules.page,
            request.region,
            after=place_after(request, request.page_token, _place),
            # One more tells whether there is another page.
            limit=size + 1,
        )
        page, token = found[:size], ""
        if len(found) > size:
            last = page[-1]
            place = f"{last.effective_date.isoformat()}/{last.rules_version}"
            token = page_token(request, place)
        return pb.ListRulesResponse(rules=map(_message, page), next_page_token=token)


def _encoder(kind: type[MessageT]) -> Callable[[StoredRules], bytes]:
    return lambda rules: kind(rules=_message(rules)).SerializeToString()


def _place(text: str) -> RulesPlace:
    """Returns a place as a page token holds it; raises ValueError for something else."""
    day, _, version = text.partition("/")
    effective_date = dt.date.fromisoformat(day)
    if effective_date.isoformat() != day or len(version) != 64:
        raise ValueError("a place is a day and a version")
    if not set(version) <= set("0123456789abcdef"):
        raise ValueError("a version is 64 hexadecimal digits")
    return RulesPlace(effective_date, version)


def _message(rules: StoredRules) -> pb.OffsiteRules:
    message = pb.OffsiteRules(
        rules_version=rules.rules_version,
        region=rules.region,
        maker=rules.maker,
        checker=rules.checker or "",
    )
    # The national rules are of no region, day and maker.
    if rules.region:
        message.effective_date.CopyFrom(from_date(rules.effective_date))
        message.submit_time.CopyFrom(from_instant(rules.submit_time))
    if rules.approve_time is not None:
        message.approve_time.CopyFrom(from_instant(rules.approve_time))
    return message
