"""Calls that news of persons may help: see `yibao_common.rpc.news`."""

from collections.abc import Sequence

from google.protobuf.descriptor import ServiceDescriptor

from yibao_common.rpc.news import CallsAwaitingNews, News
from yibao_common.values.reasons import Reason

# Refusals for want of what identity may have told of meanwhile.
_LACKING = {Reason.PERSON_NOT_FOUND, Reason.PERSON_NOT_ENROLLED}
# What it may have taken back meanwhile; what was told last stands where it cannot be asked.
_LIFTED = {Reason.PERSON_DECEASED}


def calls_await(news: News, services: Sequence[ServiceDescriptor]) -> CallsAwaitingNews:
    """Returns what has calls of these services carried out once more after news."""
    return CallsAwaitingNews(
        news,
        services=[each.full_name for each in services],
        lacking=_LACKING,
        lifted=_LIFTED,
    )
