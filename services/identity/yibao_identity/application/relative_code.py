"""Issues codes of relatives in batches, in a queue of their own.

A link is locked before a code is issued by it, so its end comes before or after, never
between. Codes of one's own wait for no lock; that is why these do not share their queue.

Whoever may no longer show a relative's code has perhaps shown one already, which is good for
its minute and was scanned, perhaps. Settlement is told since when the relative's codes count.
"""

import datetime as dt
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from yibao_common.commands.transactions import Transactions
from yibao_common.values.clock import Clock
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.code.issued import IssuedCode, require_signing_key
from yibao_identity.application.code.second import AskedCode, store_codes
from yibao_identity.rules.certificate import (
    Certificate,
    certificate_not_found,
    check_may_issue,
)
from yibao_identity.rules.code import QrClaims
from yibao_identity.rules.relative import LinkPurpose, LinkState, RelativeLink
from yibao_identity.rules.relative_code import check_may_show, may_count_after

if TYPE_CHECKING:
    from yibao_identity.application.work import Work


@dataclass(frozen=True, slots=True)
class IssueRelativeCode:
    """Issues a code of the relative of a link, to be shown by the holder of a certificate."""

    certificate_id: str
    link_id: str
    audience: str
    caller: str


@dataclass(frozen=True, slots=True)
class RelativeCode:
    """The claims to sign, and whose they are."""

    claims: QrClaims
    relative_id: str
    certificate_id: str


class RelativeIssueWork:
    """The work of a batcher: returns for each command the code to sign, or why not."""

    def __init__(
        self,
        transactions: "Transactions[Work]",
        *,
        key_expire_time: Callable[[], dt.datetime],
        clock: Clock,
        random_bytes: Callable[[int], bytes],
    ) -> None:
        """Takes storage, until when the issuer's present key signs, and a source of ids."""
        self._transactions = transactions
        self._key_expire_time = key_expire_time
        self._clock = clock
        self._random_bytes = random_bytes

    def __call__(
        self, region: str, commands: Sequence[IssueRelativeCode]
    ) -> list[RelativeCode | RuleError]:
        """Decides and stores a batch of one region; durable when it returns."""
        require_signing_key(now=self._clock(), expire_time=self._key_expire_time())
        return self._transactions.change_untried(region, lambda work: self._issue(work, commands))

    def _issue(
        self, work: "Work", commands: Sequence[IssueRelativeCode]
    ) -> list[RelativeCode | RuleError]:
        links = work.relatives.lock_among(sorted({command.link_id for command in commands}))
        # What follows is read under the locks of the links.
        showers = work.certificates.among(sorted({command.certificate_id for command in commands}))
        # One is activated only when those before are closed, so the last one of a person is
        # the one that stands, if any does.
        relatives = {
            certificate.person_id: certificate
            for certificate in work.certificates.of_persons(
                sorted({link.relative_id for link in links.values()})
            )
        }
        asked = [_asked(command, links, showers, relatives) for command in commands]
        stored = iter(
            store_codes(
                work,
                [each for each in asked if isinstance(each, AskedCode)],
                now_second=int(self._clock().timestamp()),
                random_bytes=self._random_bytes,
            )
        )
        return [
            _answer(each, next(stored)) if isinstance(each, AskedCode) else each for each in asked
        ]


def _answer(asked: AskedCode, stored: IssuedCode | RuleError) -> RelativeCode | RuleError:
    if isinstance(stored, RuleError):
        return stored
    return RelativeCode(
        stored.claims, asked.certificate.person_id, asked.certificate.certificate_id
    )


def _asked(
    command: IssueRelativeCode,
    links: Mapping[str, RelativeLink],
    showers: Mapping[str, Certificate],
    relatives: Mapping[str, Certificate],
) -> AskedCode | RuleError:
    try:
        shower = showers.get(command.certificate_id)
        if shower is None:
            raise certificate_not_found(command.certificate_id)
        check_may_issue(shower)
        link = check_may_show(
            links.get(command.link_id), link_id=command.link_id, person_id=shower.person_id
        )
        shown = _usable(relatives.get(link.relative_id))
    except RuleError as refusal:
        return refusal
    return AskedCode(shown, command.audience, command.caller, shown_by=command.certificate_id)


def _usable(certificate: Certificate | None) -> Certificate:
    """Returns the relative's certificate, which has to be active.

    Raises:
        RuleError: ECERT_NOT_ACTIVATED, ECERT_SUSPENDED.
    """
    if certificate is None:
        message = "the relative has no e-certificate"
        raise RuleError(Reason.ECERT_NOT_ACTIVATED, message, certificate_id="", state="NONE")
    check_may_issue(certificate)
    return certificate


def withdraw_codes_by_link(
    work: "Work", link: RelativeLink, *, at: dt.datetime, caller: str
) -> None:
    """Withdraws what was shown by a link that ends; its row and its persons' are locked."""
    if link.purpose is not LinkPurpose.SHOW_CODE or link.state is not LinkState.CONFIRMED:
        return
    showers = work.certificates.of_persons([link.person_id])
    _withdraw(
        work,
        [each.certificate_id for each in showers],
        relative_ids={link.relative_id},
        at=at,
        caller=caller,
    )


def withdraw_codes_by_certificates(
    work: "Work", person_id: str, certificate_ids: Collection[str], *, at: dt.datetime, caller: str
) -> None:
    """Withdraws what e-certificates showed that may not any more, closed or suspended.

    The person `person_id`, who held them and is locked, has all links by which they showed.
    """
    links = [
        each
        for each in work.relatives.standing(person_id)
        if each.purpose is LinkPurpose.SHOW_CODE and each.person_id == person_id
    ]
    if not links:
        return
    # Whoever issues holds the link: what was issued before is seen, and nothing is after.
    work.relatives.lock_among([each.link_id for each in links])
    relative_ids = {each.relative_id for each in links}
    _withdraw(work, certificate_ids, relative_ids=relative_ids, at=at, caller=caller)


def _withdraw(
    work: "Work",
    shown_by: Collection[str],
    *,
    relative_ids: Collection[str],
    at: dt.datetime,
    caller: str,
) -> None:
    """Stores and tells settlement since when codes of relatives count, where any was shown."""
    shown = work.codes.newest_shown(shown_by, issued_after=may_count_after(at))
    withdrawn = [each for each in shown if each.person_id in relative_ids]
    if withdrawn:
        work.codes.withdraw(withdrawn, at=at, caller=caller)
        person_ids = {each.person_id for each in withdrawn}
        work.feed.tell(person_ids, at=at, caller=caller)
