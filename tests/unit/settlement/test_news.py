"""Calls that wait for identity's news: one question for all, and never long."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from yibao_common.rpc.news import News as AskedNews
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.servicer.news import News

REGION = "500112"
COMMAND = cast("Command", object())
ANSWER = b"registered"


class Engine:
    """Refuses commands until `is_known` is set."""

    def __init__(self, reason: Reason = Reason.PERSON_NOT_ENROLLED) -> None:
        self.is_known = False
        self._reason = reason

    async def submit(self, _region: str, _command: Command) -> bytes:
        if self.is_known:
            return ANSWER
        raise RuleError(self._reason, "not known")


class Identity:
    """Answers questions when it is let, and counts them."""

    def __init__(self, *, answers: bool = True, is_hanging: bool = False) -> None:
        self.asked = 0
        self.under_way = 0
        self.most_under_way = 0
        self._answers = answers
        self.may_answer = asyncio.Event()
        if not is_hanging:
            self.may_answer.set()

    async def ask(self, _region: str) -> bool:
        self.asked += 1
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        try:
            await self.may_answer.wait()
        finally:
            self.under_way -= 1
        return self._answers


def news_of(engine: Engine, identity: Identity) -> News:
    return News(engine.submit, AskedNews(regions=[REGION], ask=identity.ask))


async def outcome(news: News, region: str = REGION) -> Any:
    """Returns the answer, or the reason of the refusal."""
    try:
        return await news.submit(region, COMMAND)
    except RuleError as error:
        return error.reason


def run(main: Callable[[], Awaitable[None]]) -> None:
    async def limited() -> None:
        async with asyncio.timeout(20):
            await main()

    asyncio.run(limited())


def test_what_the_news_tell_is_taken_at_once() -> None:
    async def main() -> None:
        engine, identity = Engine(), Identity(is_hanging=True)
        news = news_of(engine, identity)
        waiting = asyncio.create_task(outcome(news))
        await asyncio.sleep(0.01)
        engine.is_known = True
        identity.may_answer.set()
        assert await waiting == ANSWER

    run(main)


def test_a_refusal_stands_once_identity_has_told_all_that_it_has() -> None:
    async def main() -> None:
        news = news_of(Engine(), Identity())
        assert await outcome(news) is Reason.PERSON_NOT_ENROLLED

    run(main)


def test_twenty_calls_share_one_question_and_wait_a_second_for_it() -> None:
    async def main() -> None:
        identity = Identity(is_hanging=True)
        asked = AskedNews(regions=[REGION], ask=identity.ask)
        news = News(Engine().submit, asked)
        began = time.monotonic()
        outcomes = await asyncio.gather(*(outcome(news) for _ in range(20)))
        assert outcomes == [Reason.ENROLMENT_UNCONFIRMED] * 20
        assert identity.asked == 1
        # One after the other, with a question each, they would take 20 s.
        assert time.monotonic() - began < 10
        await asked.close()

    run(main)


def test_a_call_does_not_rely_on_a_question_that_was_asked_before_it() -> None:
    async def main() -> None:
        engine, identity = Engine(), Identity(is_hanging=True)
        news = news_of(engine, identity)
        first = asyncio.create_task(outcome(news))
        await asyncio.sleep(0.01)
        later = [asyncio.create_task(outcome(news)) for _ in range(5)]
        await asyncio.sleep(0.01)
        assert identity.asked == 1
        identity.may_answer.set()
        await asyncio.gather(first, *later)
        assert (identity.asked, identity.most_under_way) == (2, 1)

    run(main)


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        (Reason.PERSON_NOT_ENROLLED, Reason.ENROLMENT_UNCONFIRMED),
        (Reason.ECERT_NOT_ACTIVATED, Reason.ENROLMENT_UNCONFIRMED),
        (Reason.CARD_NOT_ACTIVATED, Reason.ENROLMENT_UNCONFIRMED),
        (Reason.CARD_RESTRICTED_NOT_ACTIVATED, Reason.ENROLMENT_UNCONFIRMED),
        # What identity told stands until it tells otherwise.
        (Reason.ECERT_SUSPENDED, Reason.ECERT_SUSPENDED),
        (Reason.CARD_SUSPENDED, Reason.CARD_SUSPENDED),
    ],
)
def test_without_an_answer_of_identity_nobody_is_told_what_may_be_wrong(
    reason: Reason, told: Reason
) -> None:
    async def main() -> None:
        identity = Identity(answers=False)
        assert await outcome(news_of(Engine(reason), identity)) is told
        assert identity.asked == 1

    run(main)


def test_a_refusal_that_no_news_can_lift_asks_nothing() -> None:
    async def main() -> None:
        identity = Identity()
        assert await outcome(news_of(Engine(Reason.VISIT_EXISTS), identity)) is Reason.VISIT_EXISTS
        assert identity.asked == 0

    run(main)


def test_of_a_region_that_is_not_read_nothing_is_asked() -> None:
    async def main() -> None:
        identity = Identity()
        assert await outcome(news_of(Engine(), identity), "999019") is Reason.PERSON_NOT_ENROLLED
        assert identity.asked == 0

    run(main)
