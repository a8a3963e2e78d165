"""`yibao year`: a benefit year and its accounts are closed by two operators, and how far it is."""

import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import grpc
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from yibao.errors import error_of
from yibao.settlement.v1 import account_close_pb2, year_pb2
from yibao.settlement.v1 import account_close_service_pb2 as accounts_pb
from yibao.settlement.v1 import year_service_pb2 as years_pb
from yibao.settlement.v1.account_close_service_pb2_grpc import AccountCloseServiceStub
from yibao.settlement.v1.year_service_pb2_grpc import YearServiceStub
from yibao_cli.call import REFUSED, UNUSABLE, print_answer, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.inputs import read_file
from yibao_cli.output import is_json, print_document, tell_refused, tell_unusable
from yibao_common.process.config import StartError
from yibao_common.values.ids import new_id
from yibao_common.values.money import yuan
from yibao_common.values.reasons import Reason

_SECONDS = 30.0
_WATCH_SECONDS = 0.5
# So many looks without a change tell that nothing is left but what cannot be read: the service
# pauses for seconds between its rounds.
_STILL_LOOKS = 20
_NOT_PROPOSED = Reason.ACCOUNT_CLOSE_NOT_FOUND.wire_name
_PROPOSED_ACCOUNTS = account_close_pb2.ACCOUNT_CLOSE_STATE_PROPOSED
_PROPOSED_YEAR = year_pb2.YEAR_STATE_PROPOSED


class Services(NamedTuple):
    """The services that close a year."""

    region: str
    years: YearServiceStub
    accounts: AccountCloseServiceStub


class Seen(NamedTuple):
    """A year as it is; None of `accounts` where nobody proposed to close them."""

    year: year_pb2.BenefitYear
    accounts: account_close_pb2.AccountClose | None

    @property
    def is_going_on(self) -> bool:
        """Whether something that was confirmed is not done."""
        state = None if self.accounts is None else self.accounts.state
        return (
            self.year.state == year_pb2.YEAR_STATE_CLOSED
            or state == account_close_pb2.ACCOUNT_CLOSE_STATE_RUNNING
        )

    @property
    def refused_count(self) -> int:
        """How many statements and accounts cannot be read."""
        accounts = 0 if self.accounts is None else self.accounts.progress.refused_count
        return self.year.close.refused_count + accounts


def run_propose(
    out: Console, err: Console, at: Connection, year: int, *, rules: Path | None
) -> int:
    """Proposes to close a year or its accounts; returns 1 where it was refused, 2 where unusable.

    Raises StartError where the file of rules cannot be read.
    """
    contents = None if rules is None else read_file(rules)

    def propose(services: Services) -> int:
        request_id, region = new_id(), services.region
        if contents is None:
            proposal = years_pb.ProposeYearCloseRequest(
                request_id=request_id, region=region, benefit_year=year
            )
            print_answer(out, services.years.ProposeYearClose(proposal, timeout=_SECONDS))
        else:
            request = accounts_pb.ProposeAccountCloseRequest(
                request_id=request_id, region=region, benefit_year=year, rules_file=contents
            )
            print_answer(out, services.accounts.ProposeAccountClose(request, timeout=_SECONDS))
        return 0

    return _carry_out(err, at, propose)


def run_confirm(out: Console, err: Console, at: Connection, year: int, *, is_asked: bool) -> int:
    """Confirms what is proposed of a year: itself, else its accounts; returns as `run_propose`.

    Where `is_asked`, whoever sits at a terminal reads the sums and says yes; elsewhere nothing is
    confirmed.
    """

    def confirm(services: Services) -> int:
        seen = _look(services, year)
        accounts = seen.accounts
        is_accounts = accounts is not None and accounts.state == _PROPOSED_ACCOUNTS
        if seen.year.state != _PROPOSED_YEAR and not is_accounts:
            tell_refused(f"Nothing is proposed of {year}.", err)
            return REFUSED
        told = _year_line(seen.year) if seen.year.state == _PROPOSED_YEAR else _told_rules(accounts)
        if is_asked and not _says_yes(out, err, told):
            return REFUSED
        if seen.year.state == _PROPOSED_YEAR:
            print_answer(out, _confirm_year(services, seen.year))
        else:
            print_answer(out, _confirm_accounts(services, accounts))
        return 0

    return _carry_out(err, at, confirm)


def _confirm_year(
    services: Services, year: year_pb2.BenefitYear
) -> years_pb.ConfirmYearCloseResponse:
    request = years_pb.ConfirmYearCloseRequest(
        request_id=new_id(),
        region=services.region,
        close_id=year.close.close_id,
        person_count=year.person_count,
        bill_count=year.bill_count,
        total_fen=year.total_fen,
    )
    answer: years_pb.ConfirmYearCloseResponse = services.years.ConfirmYearClose(
        request, timeout=_SECONDS
    )
    return answer


def _confirm_accounts(
    services: Services, close: account_close_pb2.AccountClose | None
) -> accounts_pb.ConfirmAccountCloseResponse:
    assert close is not None, "it is proposed"
    request = accounts_pb.ConfirmAccountCloseRequest(
        request_id=new_id(),
        region=services.region,
        close_id=close.close_id,
        rules_version=close.rules_version,
        person_count=close.person_count,
        balance_fen=close.balance_fen,
    )
    answer: accounts_pb.ConfirmAccountCloseResponse = services.accounts.ConfirmAccountClose(
        request, timeout=_SECONDS
    )
    return answer


def _says_yes(out: Console, err: Console, told: str) -> bool:
    if is_json() or not out.is_terminal:
        tell_refused("Read the sums and give --yes: nobody can be asked here.", err)
        return False
    out.print(told, markup=False)
    return out.input("Confirm? It cannot be undone. [y/N] ").strip().lower() in {"y", "yes"}


def run_show(out: Console, err: Console, at: Connection, year: int, *, is_watched: bool) -> int:
    """Prints how far a year is, or watches until all is done; returns as `run_propose`.

    Watched, 1 where what is left cannot be read.
    """

    def show(services: Services) -> int:
        seen = _look(services, year)
        if is_watched:
            with _progress(out) as bar:
                seen = _watch(services, year, bar, seen)
        if is_json():
            accounts = None if seen.accounts is None else to_values(seen.accounts)
            print_document(out, {"year": to_values(seen.year), "accounts": accounts})
        else:
            out.print(_year_line(seen.year), markup=False, soft_wrap=True)
            if seen.accounts is not None:
                out.print(_accounts_line(seen.accounts), markup=False, soft_wrap=True)
        return REFUSED if is_watched and seen.refused_count else 0

    return _carry_out(err, at, show)


def _watch(services: Services, year: int, bar: Progress, seen: Seen) -> Seen:
    statements = bar.add_task("statements", total=seen.year.person_count or None)
    accounts = bar.add_task("accounts", total=None)
    before, still_looks = -1, 0
    while True:
        bar.update(
            statements,
            completed=seen.year.close.statement_count,
            total=max(seen.year.person_count, seen.year.close.statement_count) or None,
        )
        done = seen.year.close.statement_count
        if seen.accounts is not None:
            passed = seen.accounts.progress.person_count
            done += passed
            bar.update(accounts, completed=passed, total=max(seen.accounts.person_count, passed))
        still_looks = still_looks + 1 if done == before else 0
        # What cannot be read is tried again and again, and nobody waits for it here.
        if not seen.is_going_on or (seen.refused_count and still_looks >= _STILL_LOOKS):
            return seen
        before = done
        time.sleep(_WATCH_SECONDS)
        seen = _look(services, year)


def _progress(out: Console) -> Progress:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    # Into a pipe or a file it would be written at the end, and nobody sees it move there.
    return Progress(*columns, console=out, disable=is_json() or not out.is_terminal)


def _look(services: Services, year: int) -> Seen:
    request = years_pb.GetBenefitYearRequest(region=services.region, benefit_year=year)
    found = services.years.GetBenefitYear(request, timeout=_SECONDS).year
    try:
        closing = accounts_pb.GetAccountCloseRequest(region=services.region, benefit_year=year)
        answer = services.accounts.GetAccountClose(closing, timeout=_SECONDS)
    except grpc.RpcError as error:
        if error_of(error).reason != _NOT_PROPOSED:
            raise
        return Seen(found, None)
    return Seen(found, answer.close)


def _year_line(year: year_pb2.BenefitYear) -> str:
    state = year_pb2.YearState.Name(year.state).removeprefix("YEAR_STATE_")
    told = (
        f"{year.benefit_year}  {state}  {year.bill_count} bills of {year.person_count} persons, "
        f"{yuan(year.total_fen)} yuan; {year.close.statement_count} statements taken"
    )
    return told + _refused(year.close.refused_count)


def _accounts_line(close: account_close_pb2.AccountClose) -> str:
    state = account_close_pb2.AccountCloseState.Name(close.state)
    done = close.progress
    told = (
        f"{close.benefit_year}  accounts {state.removeprefix('ACCOUNT_CLOSE_STATE_')}  "
        f"{done.person_count} of {close.person_count} persons, held {yuan(done.balance_fen)} "
        f"yuan, earned {yuan(done.interest_fen)}, carried over {yuan(done.carried_fen)}"
    )
    return told + _refused(done.refused_count)


def _told_rules(close: account_close_pb2.AccountClose | None) -> str:
    assert close is not None, "it is proposed"
    return (
        f"{close.rules_file.decode(errors='replace')}\n"
        f"Accounts of {close.benefit_year}: {close.person_count} persons hold "
        f"{yuan(close.balance_fen)} yuan; proposed by {close.maker}"
    )


def _refused(count: int) -> str:
    return f"; {count} cannot be read" if count else ""


def _carry_out(err: Console, at: Connection, act: Callable[[Services], int]) -> int:
    try:
        channel = at.open()
    except StartError as error:
        tell_unusable(str(error), err)
        return UNUSABLE
    with channel:
        try:
            return act(
                Services(at.region, YearServiceStub(channel), AccountCloseServiceStub(channel))
            )
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
