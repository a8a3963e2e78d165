"""Calls at the counter that identity's news may help: see `yibao_common.rpc.news`.

News may be of a person of a moment ago, and of an e-certificate or a card that pays a bill.
"""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from yibao.settlement.v1 import (
    allocation_service_pb2,
    catalogue_version_service_pb2,
    charge_service_pb2,
    transfer_service_pb2,
)
from yibao_common.rpc.news import CallsAwaitingNews, unconfirmed
from yibao_common.rpc.news import News as AskedNews
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_settlement.application.batch.command import Command
from yibao_settlement.rules.presentation import UnknownCredentialError

T = TypeVar("T")

# Refusals for want of something that identity may have told of meanwhile.
_LACKING = {
    Reason.PERSON_NOT_ENROLLED,
    Reason.PREMIUM_NOT_RECEIVED,
    Reason.ECERT_NOT_ACTIVATED,
    Reason.CARD_NOT_ACTIVATED,
    Reason.CARD_RESTRICTED_NOT_ACTIVATED,
}
# Those that it may have lifted meanwhile; what was told last stands where it cannot be asked.
_LIFTED = {Reason.ECERT_SUSPENDED, Reason.CARD_SUSPENDED, Reason.PERSON_DECEASED}


def _is_for_want(refusal: RuleError) -> bool:
    """Tells whether identity may have what a call was refused for want of."""
    return refusal.reason in _LACKING or isinstance(refusal, UnknownCredentialError)


class News:
    """Commands that are carried out once more after news."""

    def __init__(
        self, submit: Callable[[str, Command], Awaitable[bytes]], asked: AskedNews
    ) -> None:
        """Takes the batcher's `submit`, and the news of each region."""
        self._submit = submit
        self._asked = asked

    @staticmethod
    def may_lift(refusal: RuleError) -> bool:
        """Tells whether identity may have told meanwhile what lifts a refusal."""
        return _is_for_want(refusal) or refusal.reason in _LIFTED

    async def submit(self, region: str, command: Command) -> bytes:
        """Carries out a command, as `carried_out` does."""
        return await self.carried_out(region, lambda: self._submit(region, command))

    async def again(self, region: str, command: Command) -> bytes:
        """Carries out a command after news that was refused for what they may lift."""
        return await self._after_news(region, lambda: self._submit(region, command))

    async def carried_out(self, region: str, act: Callable[[], Awaitable[T]]) -> T:
        """Carries out what a call asks, once more after news where news may lift its refusal.

        Raises RuleError ENROLMENT_UNCONFIRMED where it is refused for want of what identity
        may have, and identity did not tell all that it has.
        """
        try:
            return await act()
        except RuleError as refusal:
            if not self.may_lift(refusal):
                raise
        return await self._after_news(region, act)

    async def _after_news(self, region: str, act: Callable[[], Awaitable[T]]) -> T:
        is_told = await self._asked.is_told(region)
        try:
            return await act()
        except RuleError as refusal:
            if is_told or not _is_for_want(refusal):
                raise
            raise unconfirmed(refusal) from None


def calls_await(asked: AskedNews) -> CallsAwaitingNews:
    """Returns what has other calls about a person of a moment ago carried out after news.

    They store nothing where they refuse, and come past `News`.
    """
    services = (
        allocation_service_pb2.DESCRIPTOR.services_by_name["AllocationService"],
        catalogue_version_service_pb2.DESCRIPTOR.services_by_name["CatalogueVersionService"],
        charge_service_pb2.DESCRIPTOR.services_by_name["ChargeService"],
        transfer_service_pb2.DESCRIPTOR.services_by_name["TransferService"],
    )
    return CallsAwaitingNews(
        asked,
        services=[each.full_name for each in services],
        lacking={Reason.PERSON_NOT_ENROLLED, Reason.PREMIUM_NOT_RECEIVED},
        lifted=(),
    )
