"""`yibao year show --watch`: what cannot be read is not waited for, all else is."""

import types
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console
from rich.progress import Progress

from yibao.settlement.v1 import account_close_pb2 as accounts_pb
from yibao.settlement.v1 import account_close_service_pb2 as accounts_service
from yibao.settlement.v1 import year_pb2
from yibao.settlement.v1 import year_service_pb2 as years_service
from yibao_cli import year_close
from yibao_cli.year_close import Seen, Services

RUNNING = accounts_pb.ACCOUNT_CLOSE_STATE_RUNNING
TAKEN = year_pb2.BenefitYear(benefit_year=2026, state=year_pb2.YEAR_STATE_TAKEN)


def looks(*passed: int) -> Iterator[accounts_pb.AccountClose]:
    """Yields a closing with one account that cannot be read, look by look; the last one stays."""
    for count in (*passed, *[passed[-1]] * 1_000):
        progress = accounts_pb.AccountCloseProgress(person_count=count, refused_count=1)
        yield accounts_pb.AccountClose(state=RUNNING, person_count=4, progress=progress)


def services_of(seen: Iterator[accounts_pb.AccountClose]) -> Services:
    """Returns the services of a year whose statements are taken."""

    def year(request: Any, *, timeout: float) -> years_service.GetBenefitYearResponse:
        return years_service.GetBenefitYearResponse(year=TAKEN)

    def close(request: Any, *, timeout: float) -> accounts_service.GetAccountCloseResponse:
        return accounts_service.GetAccountCloseResponse(close=next(seen))

    years: Any = types.SimpleNamespace(GetBenefitYear=year)
    accounts: Any = types.SimpleNamespace(GetAccountClose=close)
    return Services("999019", years, accounts)


def watch(monkeypatch: pytest.MonkeyPatch, *passed: int) -> tuple[Seen, float]:
    """Returns what is seen at the end, and how long nobody did anything."""
    slept: list[float] = []
    monkeypatch.setattr(year_close, "time", types.SimpleNamespace(sleep=slept.append))
    services = services_of(looks(*passed))
    bar = Progress(console=Console(), disable=True)
    return year_close._watch(services, 2026, bar, year_close._look(services, 2026)), sum(slept)


def test_a_page_that_takes_longer_than_a_look_is_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Between rounds the service itself pauses two seconds."""
    seen, _ = watch(monkeypatch, *[1] * 8, *[2] * 8, 3)
    assert seen.accounts is not None
    assert seen.accounts.progress.person_count == 3


def test_what_cannot_be_read_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    seen, seconds = watch(monkeypatch, 3)
    assert (seen.is_going_on, seen.refused_count) == (True, 1)
    assert seconds <= 15
