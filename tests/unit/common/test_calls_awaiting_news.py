"""Calls behind the gate that identity's news may help."""

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import grpc
import pytest

from yibao_common.rpc.news import CallsAwaitingNews, News
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.servicer import news as settlement_news

REGION = "500112"
SERVICE = "yibao.offsite.v1.RegistrationService"
METHOD = f"/{SERVICE}/CreateRegistration"
ANSWER = "registered"


class Identity:
    """Tells whether all news came, and counts questions."""

    def __init__(self, *, answers: bool) -> None:
        self.asked = 0
        self._answers = answers

    async def ask(self, _region: str) -> bool:
        self.asked += 1
        return self._answers


def outcome(
    reasons: list[Reason | None],
    identity: Identity,
    *,
    method: str = METHOD,
    awaiting: Callable[[News], CallsAwaitingNews] | None = None,
) -> Any:
    """Returns what a call comes to whose method refuses for these reasons, one a time."""

    async def serve(_request: object, _context: object) -> str:
        reason = reasons.pop(0)
        if reason is not None:
            raise RuleError(reason, "no")
        return ANSWER

    async def find(_details: object) -> object:
        return grpc.unary_unary_rpc_method_handler(serve)

    async def call() -> Any:
        news = News(regions=[REGION], ask=identity.ask)
        made = awaiting(news) if awaiting is not None else of_offsite(news)
        details = cast("grpc.HandlerCallDetails", SimpleNamespace(method=method))
        handler: Any = await made.intercept_service(cast("Any", find), details)
        try:
            return await handler.unary_unary(SimpleNamespace(region=REGION), None)
        except RuleError as refusal:
            return refusal

    return asyncio.run(call())


def of_offsite(news: News) -> CallsAwaitingNews:
    return CallsAwaitingNews(
        news,
        services=[SERVICE],
        lacking={Reason.PERSON_NOT_FOUND},
        lifted={Reason.PERSON_DECEASED},
    )


@pytest.mark.parametrize("reason", [Reason.PERSON_NOT_FOUND, Reason.PERSON_DECEASED])
def test_what_the_news_tell_is_taken_at_once(reason: Reason) -> None:
    identity = Identity(answers=True)
    assert outcome([reason, None], identity) == ANSWER
    assert identity.asked == 1


@pytest.mark.parametrize(
    ("reason", "answers", "told"),
    [
        (Reason.PERSON_NOT_FOUND, True, Reason.PERSON_NOT_FOUND),
        (Reason.PERSON_NOT_FOUND, False, Reason.ENROLMENT_UNCONFIRMED),
        (Reason.PERSON_DECEASED, True, Reason.PERSON_DECEASED),
        # What identity told stands until it tells otherwise.
        (Reason.PERSON_DECEASED, False, Reason.PERSON_DECEASED),
    ],
)
def test_a_refusal_stands_where_identity_told_all_and_is_for_good_only_then(
    reason: Reason, answers: bool, told: Reason
) -> None:
    refusal = outcome([reason, reason], Identity(answers=answers))
    assert refusal.reason is told
    if told is not reason:
        assert refusal.metadata["reason_so_far"] == reason.wire_name


def test_another_reason_the_second_time_is_told_as_it_is() -> None:
    reasons: list[Reason | None] = [Reason.PERSON_NOT_FOUND, Reason.REGISTRATION_EXISTS]
    assert outcome(reasons, Identity(answers=False)).reason is Reason.REGISTRATION_EXISTS


@pytest.mark.parametrize(
    ("reason", "method"),
    [
        (Reason.REGISTRATION_EXISTS, METHOD),
        (Reason.PERSON_NOT_FOUND, "/yibao.offsite.v1.RegistrationServices/CreateRegistration"),
    ],
)
def test_nothing_is_asked_where_no_news_can_help(reason: Reason, method: str) -> None:
    identity = Identity(answers=True)
    assert outcome([reason], identity, method=method).reason is reason
    assert identity.asked == 0


@pytest.mark.parametrize(
    "method",
    [
        "AllocationService/ImportContributions",
        "CatalogueVersionService/DescribeItem",
        "ChargeService/UploadLines",
        "TransferService/ReceiveTransfer",
    ],
)
def test_settlement_asks_for_what_comes_past_its_counter(method: str) -> None:
    identity = Identity(answers=False)
    refusal = outcome(
        [Reason.PERSON_NOT_ENROLLED] * 2,
        identity,
        method=f"/yibao.settlement.v1.{method}",
        awaiting=settlement_news.calls_await,
    )
    assert (refusal.reason, identity.asked) == (Reason.ENROLMENT_UNCONFIRMED, 1)
