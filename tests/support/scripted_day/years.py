"""What an agency's two operators do with the accounts of persons, and with a year that is over."""

from support.account_closes import RULES
from support.both_services import CALL_SECONDS, BothServices
from support.scripted_day.agency import asked
from support.scripted_day.counter import Client
from support.settlement_world import REGION
from support.threads import wait_until

from yibao.identity.v1 import relative_messages_pb2, relative_pb2
from yibao.settlement.v1 import account_close_pb2, year_pb2
from yibao.settlement.v1 import account_close_service_pb2 as closes_pb
from yibao.settlement.v1 import account_service_pb2 as accounts_pb
from yibao.settlement.v1 import year_service_pb2 as years_pb
from yibao.settlement.v1.account_close_service_pb2_grpc import AccountCloseServiceStub
from yibao.settlement.v1.year_service_pb2_grpc import YearServiceStub


def credit(services: BothServices, client: Client, amount_fen: int) -> None:
    """Credits a person's account."""
    request = accounts_pb.CreditAccountRequest(
        person_id=client.person_id,
        amount_fen=amount_fen,
        source=accounts_pb.CREDIT_SOURCE_ALLOCATION,
        **asked(),
    )
    services.accounts().CreditAccount(request, timeout=CALL_SECONDS)


def share(services: BothServices, giver: Client, receiver: Client) -> None:
    """Lets a sister's account pay for a person, and waits until that is known."""
    ask = relative_messages_pb2.RequestRelativeLinkRequest(
        person_id=receiver.person_id,
        relative_id=giver.person_id,
        purpose=relative_pb2.LINK_PURPOSE_SHARE_ACCOUNT,
        relation=relative_pb2.RELATION_SIBLING,
        **asked(),
    )
    link = services.persons().RequestRelativeLink(ask, timeout=CALL_SECONDS).link
    agree = relative_messages_pb2.ConfirmRelativeLinkRequest(
        link_id=link.link_id, relative_id=giver.person_id, **asked()
    )
    services.persons().ConfirmRelativeLink(agree, timeout=CALL_SECONDS)
    services.wait_until_told()


def close_year(services: BothServices, year: int) -> years_pb.GetBenefitYearResponse:
    """Closes a benefit year, and waits until all its statements are taken."""
    maker = YearServiceStub(services.channel("settlement", "maker"))
    checker = YearServiceStub(services.channel("settlement", "checker"))
    proposed = maker.ProposeYearClose(
        years_pb.ProposeYearCloseRequest(benefit_year=year, **asked()), timeout=CALL_SECONDS
    ).year
    confirm = years_pb.ConfirmYearCloseRequest(
        close_id=proposed.close.close_id,
        person_count=proposed.person_count,
        bill_count=proposed.bill_count,
        total_fen=proposed.total_fen,
        **asked(),
    )
    checker.ConfirmYearClose(confirm, timeout=CALL_SECONDS)
    read = years_pb.GetBenefitYearRequest(region=REGION, benefit_year=year)

    def told() -> years_pb.GetBenefitYearResponse:
        return maker.GetBenefitYear(read, timeout=CALL_SECONDS)

    wait_until(lambda: told().year.state == year_pb2.YEAR_STATE_TAKEN, seconds=CALL_SECONDS)
    return told()


def close_accounts(services: BothServices, year: int) -> account_close_pb2.AccountClose:
    """Closes the accounts of a closed year with interest, and waits until all are."""
    maker = AccountCloseServiceStub(services.channel("settlement", "maker"))
    checker = AccountCloseServiceStub(services.channel("settlement", "checker"))
    rules = RULES.replace('"310"', '"390"').encode()
    propose = closes_pb.ProposeAccountCloseRequest(benefit_year=year, rules_file=rules, **asked())
    proposed = maker.ProposeAccountClose(propose, timeout=CALL_SECONDS).close
    confirm = closes_pb.ConfirmAccountCloseRequest(
        close_id=proposed.close_id,
        rules_version=proposed.rules_version,
        person_count=proposed.person_count,
        balance_fen=proposed.balance_fen,
        **asked(),
    )
    checker.ConfirmAccountClose(confirm, timeout=CALL_SECONDS)
    read = closes_pb.GetAccountCloseRequest(region=REGION, benefit_year=year)

    def told() -> account_close_pb2.AccountClose:
        return maker.GetAccountClose(read, timeout=CALL_SECONDS).close

    done = account_close_pb2.ACCOUNT_CLOSE_STATE_DONE
    wait_until(lambda: told().state == done, seconds=CALL_SECONDS)
    return told()


def closed_account(
    services: BothServices, client: Client, year: int
) -> account_close_pb2.ClosedAccount:
    """Returns what a person's account held and earned in a closed year."""
    stub = AccountCloseServiceStub(services.channel("settlement", "maker"))
    request = closes_pb.GetClosedAccountRequest(
        region=REGION, person_id=client.person_id, benefit_year=year
    )
    (account,) = stub.GetClosedAccount(request, timeout=CALL_SECONDS).accounts
    return account
