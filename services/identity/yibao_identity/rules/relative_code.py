"""Whose code a person may show: that of a relative who agreed to it (亲情账户)."""

import datetime as dt
from dataclasses import dataclass

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.rules.relative import LinkPurpose, LinkState, RelativeLink, link_not_found

# A code lasts a minute, and settlement takes a scan of ten minutes ago: who may no longer show
# codes that are older than this need not be told of.
_MOST_AGE = dt.timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class ShownCode:
    """The newest code of an e-certificate that somebody else than its holder showed."""

    person_id: str
    certificate_id: str
    issue_time: dt.datetime

    @property
    def codes_since_time(self) -> dt.datetime:
        """The first second whose codes of the certificate count once this one does not."""
        return self.issue_time + dt.timedelta(seconds=1)


def may_count_after(now: dt.datetime) -> dt.datetime:
    """Returns after which time a code was issued that somebody may still accept."""
    return now - _MOST_AGE


def check_may_show(link: RelativeLink | None, *, link_id: str, person_id: str) -> RelativeLink:
    """Returns the link by which `person_id` may show the relative's code (I-03).

    A link that somebody else asked for, or for another purpose, is none: what others have
    agreed upon is not told.

    Raises:
        RuleError: RELATIVE_LINK_NOT_FOUND, RELATIVE_LINK_STATE.
    """
    if link is None or link.person_id != person_id or link.purpose is not LinkPurpose.SHOW_CODE:
        raise link_not_found(link_id)
    if link.state is not LinkState.CONFIRMED:
        raise RuleError(
            Reason.RELATIVE_LINK_STATE,
            f"link {link_id} is {link.state.name.lower()}",
            link_id=link_id,
            state=link.state.name,
        )
    return link
