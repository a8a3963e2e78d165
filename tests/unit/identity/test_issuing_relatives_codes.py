"""Codes of relatives: by whose agreement they are issued, and that storing comes first."""

import datetime as dt
import itertools
from collections.abc import Collection, Sequence
from typing import ClassVar

import pytest
from support.memory.certificate import MemoryCertificates
from support.memory.code import MemoryCodes
from support.memory.relative import MemoryRelatives
from support.memory.transactions import MemoryTransactions
from support.memory.work import memory_work

from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.code.issued import IssuedCode
from yibao_identity.application.relative_code import (
    IssueRelativeCode,
    RelativeCode,
    RelativeIssueWork,
)
from yibao_identity.application.work import Work
from yibao_identity.rules.certificate import Certificate, CertificateState
from yibao_identity.rules.relative import LinkPurpose, LinkState, Relation, RelativeLink

REGION = "500100"
NOW = dt.datetime(2026, 11, 2, 8, 0, tzinfo=dt.UTC)
EXPIRE = NOW + dt.timedelta(days=1)
ACTIVE, SUSPENDED = CertificateState.ACTIVE, CertificateState.SUSPENDED


def certificate(number: int, state: CertificateState = ACTIVE) -> Certificate:
    case_id = "m" if state is SUSPENDED else None
    subject = f"SUBJECT{number:06d}"
    return Certificate(REGION, f"c{number}", f"p{number}", subject, state, NOW, case_id)


def link(
    link_id: str,
    *,
    purpose: LinkPurpose = LinkPurpose.SHOW_CODE,
    state: LinkState = LinkState.CONFIRMED,
    relative_id: str = "p2",
) -> RelativeLink:
    return RelativeLink(REGION, link_id, "p1", relative_id, purpose, Relation.PARENT, state, NOW)


class WatchedLinks(MemoryRelatives):
    """Notes when links are locked."""

    reads: ClassVar[list[str]] = []

    def lock_among(self, link_ids: Sequence[str]) -> dict[str, RelativeLink]:
        self.reads.append("links")
        return super().lock_among(link_ids)


class WatchedCertificates(MemoryCertificates):
    """Notes when certificates are read."""

    def among(self, certificate_ids: Collection[str]) -> dict[str, Certificate]:
        WatchedLinks.reads.append("certificates")
        return super().among(certificate_ids)

    def of_persons(self, person_ids: Collection[str]) -> list[Certificate]:
        WatchedLinks.reads.append("newest certificates")
        return super().of_persons(person_ids)


class FakeTransactions(MemoryTransactions[Work]):
    """Keeps what was stored when a transaction ends well, and in which order things were read."""

    def __init__(self, links: Sequence[RelativeLink], certificates: Sequence[Certificate]) -> None:
        WatchedLinks.reads.clear()
        super().__init__(
            memory_work(
                REGION,
                relatives=WatchedLinks({each.link_id: each for each in links}),
                certificates=WatchedCertificates(
                    {each.certificate_id: each for each in certificates}
                ),
                codes=MemoryCodes(),
            )
        )

    @property
    def stored(self) -> list[IssuedCode]:
        assert isinstance(self.work.codes, MemoryCodes)
        return self.work.codes.rows

    @property
    def reads(self) -> list[str]:
        return WatchedLinks.reads


LINKS = (
    link("agreed"),
    link("asked", state=LinkState.REQUESTED),
    link("ended", state=LinkState.ENDED),
    link("pays", purpose=LinkPurpose.SHARE_ACCOUNT),
    link("no certificate", relative_id="p3"),
    link("suspended", relative_id="p4"),
    link("closed", relative_id="p5"),
)
CERTIFICATES = (
    certificate(1),
    certificate(2),
    certificate(4, SUSPENDED),
    certificate(5, CertificateState.CLOSED),
    certificate(6),
)


def work(transactions: FakeTransactions, *, now: dt.datetime = NOW) -> RelativeIssueWork:
    numbers = itertools.count(1)
    return RelativeIssueWork(
        transactions,
        key_expire_time=lambda: EXPIRE,
        clock=lambda: now,
        random_bytes=lambda count: next(numbers).to_bytes(count),
    )


def ask(link_id: str, shower: int = 1, audience: str = "01301") -> IssueRelativeCode:
    return IssueRelativeCode(f"c{shower}", link_id, audience, f"holder/c{shower}")


def test_a_code_is_the_relatives_and_tells_who_shows_it() -> None:
    """I-03: a registered link is what makes it no lending."""
    transactions = FakeTransactions(LINKS, CERTIFICATES)
    command = ask("agreed")
    (code,) = work(transactions)(REGION, [command])
    assert isinstance(code, RelativeCode)
    assert (code.relative_id, code.certificate_id) == ("p2", "c2")
    assert code.claims.subject == "SUBJECT000002"
    assert code.claims.expire_second - code.claims.issue_second == 60
    shown = IssuedCode(code.claims, "c2", command.caller, shown_by="c1")
    assert transactions.stored == [shown]
    # The link is locked before anything that depends on it is read.
    assert transactions.reads == ["links", "certificates", "newest certificates"]


@pytest.mark.parametrize(
    ("command", "reason", "metadata"),
    [
        (ask("asked"), Reason.RELATIVE_LINK_STATE, {"link_id": "asked", "state": "REQUESTED"}),
        (ask("ended"), Reason.RELATIVE_LINK_STATE, {"link_id": "ended", "state": "ENDED"}),
        (ask("pays"), Reason.RELATIVE_LINK_NOT_FOUND, {"link_id": "pays"}),
        (ask("unknown"), Reason.RELATIVE_LINK_NOT_FOUND, {"link_id": "unknown"}),
        # The relative may not show the asker's code in turn, nor may a third person.
        (ask("agreed", shower=2), Reason.RELATIVE_LINK_NOT_FOUND, {"link_id": "agreed"}),
        (ask("agreed", shower=6), Reason.RELATIVE_LINK_NOT_FOUND, {"link_id": "agreed"}),
        (ask("agreed", shower=9), Reason.CERTIFICATE_NOT_FOUND, {"certificate_id": "c9"}),
        # Who is suspended shows nobody's code.
        (ask("agreed", shower=4), Reason.ECERT_SUSPENDED, {"case_id": "m"}),
        (
            ask("no certificate"),
            Reason.ECERT_NOT_ACTIVATED,
            {"certificate_id": "", "state": "NONE"},
        ),
        (ask("suspended"), Reason.ECERT_SUSPENDED, {"case_id": "m"}),
        (
            ask("closed"),
            Reason.ECERT_NOT_ACTIVATED,
            {"certificate_id": "c5", "state": "CLOSED"},
        ),
        (ask("agreed", audience="99999"), Reason.FIELD_MALFORMED, {}),
    ],
    ids=lambda value: value.link_id if isinstance(value, IssueRelativeCode) else None,
)
def test_no_code_without_a_confirmed_link_and_two_active_certificates(
    command: IssueRelativeCode, reason: Reason, metadata: dict[str, str]
) -> None:
    transactions = FakeTransactions(LINKS, CERTIFICATES)
    outcome, beside = work(transactions)(REGION, [command, ask("agreed")])
    assert isinstance(outcome, RuleError)
    assert (outcome.reason, outcome.metadata) == (reason, metadata)
    # A refusal does not touch its neighbours.
    assert isinstance(beside, RelativeCode)
    assert [each.claims for each in transactions.stored] == [beside.claims]


def test_an_expired_key_signs_nothing() -> None:
    transactions = FakeTransactions(LINKS, CERTIFICATES)
    with pytest.raises(RuleError) as caught:
        work(transactions, now=EXPIRE)(REGION, [ask("agreed")])
    assert caught.value.reason is Reason.NO_SIGNING_KEY
    assert transactions.reads == []
