"""A batch of codes: what is stored, what is answered, and that storing comes first."""

import datetime as dt
import itertools
from collections.abc import Callable, Collection, Sequence
from typing import ClassVar

import pytest
from support.memory.certificate import MemoryCertificates
from support.memory.code import MemoryCodes
from support.memory.transactions import MemoryTransactions
from support.memory.work import memory_work

from yibao_common.commands.transactions import ResultT
from yibao_common.values.errors import RuleError
from yibao_common.values.reasons import Reason
from yibao_identity.application.code.issued import IssuedCode
from yibao_identity.application.code.queue import IssueCode, IssueWork
from yibao_identity.application.work import Work
from yibao_identity.rules.certificate import Certificate, CertificateState
from yibao_identity.rules.code import QrClaims

REGION = "500100"
NOW = dt.datetime(2026, 11, 2, 8, 0, 0, 999_999, tzinfo=dt.UTC)
EXPIRE = NOW + dt.timedelta(days=1)


class AskedCertificates(MemoryCertificates):
    """Keeps which certificates were asked for, a look-up each."""

    asked: ClassVar[list[Collection[str]]] = []

    def among(self, certificate_ids: Collection[str]) -> dict[str, Certificate]:
        self.asked.append(certificate_ids)
        return super().among(certificate_ids)


class FakeTransactions(MemoryTransactions[Work]):
    """Keeps what was stored; what a transaction stored is kept only when it commits."""

    def __init__(self, certificates: Sequence[Certificate], *, commit_fails: bool = False) -> None:
        rows = AskedCertificates({each.certificate_id: each for each in certificates})
        rows.asked.clear()
        super().__init__(memory_work(REGION, certificates=rows, codes=MemoryCodes()))
        self._commit_fails = commit_fails

    @property
    def stored(self) -> list[IssuedCode]:
        assert isinstance(self.work.codes, MemoryCodes)
        return self.work.codes.rows

    @property
    def asked(self) -> list[Collection[str]]:
        return AskedCertificates.asked

    def change(self, region: str, work: Callable[[Work], ResultT]) -> ResultT:
        assert region == REGION

        def until_commit(unit: Work) -> ResultT:
            result = work(unit)
            if self._commit_fails:
                raise ConnectionError
            return result

        return super().change(region, until_commit)


def _certificate(id: str, state: CertificateState = CertificateState.ACTIVE) -> Certificate:
    case_id = f"case-{id}" if state is CertificateState.SUSPENDED else None
    return Certificate(REGION, id, f"person-{id}", f"SUBJECT0000{id}", state, NOW, case_id)


def _work(transactions: FakeTransactions, *, now: dt.datetime = NOW) -> IssueWork:
    numbers = itertools.count(1)
    return IssueWork(
        transactions,
        key_expire_time=lambda: EXPIRE,
        clock=lambda: now,
        random_bytes=lambda count: next(numbers).to_bytes(count),
    )


def _issue(certificate_id: str, audience: str = "01301") -> IssueCode:
    return IssueCode(certificate_id, audience, f"holder/{certificate_id}")


def test_each_command_of_a_batch_has_its_own_outcome() -> None:
    transactions = FakeTransactions(
        [
            _certificate("C1"),
            _certificate("C2", CertificateState.SUSPENDED),
            _certificate("C4", CertificateState.CLOSED),
        ]
    )
    commands = [
        _issue("C1"),
        _issue("C2"),
        _issue("C3"),
        _issue("C1", "99999"),
        _issue("C4"),
        _issue("C1"),
    ]
    first, suspended, unknown, audience, closed, second = _work(transactions)(REGION, commands)
    assert isinstance(first, QrClaims)
    assert isinstance(second, QrClaims)
    assert first == second
    assert (first.issuer, first.subject, first.audience) == (REGION, "SUBJECT0000C1", "01301")
    reasons = [
        outcome.reason
        for outcome in (suspended, unknown, audience, closed)
        if isinstance(outcome, RuleError)
    ]
    assert reasons == [
        Reason.ECERT_SUSPENDED,
        Reason.CERTIFICATE_NOT_FOUND,
        Reason.FIELD_MALFORMED,
        Reason.ECERT_NOT_ACTIVATED,
    ]
    assert transactions.stored == [IssuedCode(first, "C1", commands[0].caller)]
    assert transactions.asked == [["C1", "C2", "C3", "C4"]]


def test_the_second_of_issue_is_cut_so_that_a_code_is_valid_at_once() -> None:
    (claims,) = _work(FakeTransactions([_certificate("C1")]))(REGION, [_issue("C1")])
    assert isinstance(claims, QrClaims)
    assert claims.issue_second == int(NOW.timestamp())
    assert claims.expire_second == claims.issue_second + 60


def test_nothing_is_answered_where_storing_fails() -> None:
    transactions = FakeTransactions([_certificate("C1")], commit_fails=True)
    with pytest.raises(ConnectionError):
        _work(transactions)(REGION, [_issue("C1")])
    assert transactions.stored == []


def test_another_use_within_a_second_gets_the_code_of_the_next_one() -> None:
    """I-01: a tie of two codes would let both pay."""
    transactions = FakeTransactions([_certificate("C1"), _certificate("C2")])
    work, second = _work(transactions), int(NOW.timestamp())
    pays, registers = _issue("C1"), _issue("C1", "01101")
    other_caller = IssueCode("C1", "01301", "channel/wallet")
    (first,) = work(REGION, [pays])
    outcomes = work(REGION, [registers, pays, other_caller, registers, _issue("C2")])
    codes = [each for each in (first, *outcomes) if isinstance(each, QrClaims)]
    ahead = [each.issue_second - second for each in codes]
    assert ahead == [0, 1, 0, 2, 1, 0]
    assert codes[2] == codes[0]
    assert codes[4] == codes[1]
    assert len(transactions.stored) == 4


def test_no_code_is_made_further_ahead_than_a_few_seconds() -> None:
    work = _work(FakeTransactions([_certificate("C1")]))
    audiences = ("01101", "01102", "01103", "01104", "01201")
    *codes, refused = work(REGION, [_issue("C1", audience) for audience in audiences])
    assert len({each.issue_second for each in codes if isinstance(each, QrClaims)}) == 4
    assert isinstance(refused, RuleError)
    assert refused.reason is Reason.RATE_LIMITED


@pytest.mark.parametrize(("seconds_left", "is_issued"), [(1, True), (0, False)])
def test_an_expired_key_signs_nothing(seconds_left: int, is_issued: bool) -> None:
    transactions = FakeTransactions([_certificate("C1")])
    work = _work(transactions, now=EXPIRE - dt.timedelta(seconds=seconds_left))
    if is_issued:
        work(REGION, [_issue("C1")])
    else:
        with pytest.raises(RuleError) as caught:
            work(REGION, [_issue("C1")])
        assert (caught.value.reason, caught.value.metadata) == (
            Reason.NO_SIGNING_KEY,
            {"use": "tok"},
        )
    assert bool(transactions.stored) is is_issued
