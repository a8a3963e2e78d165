"""Every bill of every region in a sandbox, on both databases: each amount to the fen.

The regions are loaded as `yibao up` loads them. Of each bill the person is registered, the
visit takes place at the institution that the bill names, and it is settled for what the
trial said.
"""

import contextlib
import random
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import grpc
import pytest
from support.databases import Databases

from yibao.errors import error_of
from yibao.identity.v1 import certificate_service_pb2
from yibao.identity.v1.certificate_service_pb2_grpc import CertificateServiceStub
from yibao.settlement.v1 import account_service_pb2, bill_pb2, settlement_pb2, visit_pb2
from yibao.settlement.v1 import settlement_service_pb2 as pb
from yibao.settlement.v1 import visit_service_pb2 as visits_pb
from yibao.settlement.v1.account_service_pb2_grpc import AccountServiceStub
from yibao.settlement.v1.settlement_service_pb2_grpc import SettlementServiceStub
from yibao.settlement.v1.visit_service_pb2_grpc import VisitServiceStub
from yibao_cli.demo.identity_steps import IdentitySteps
from yibao_cli.demo.steps import StepLog
from yibao_cli.loading import CALL_SECONDS, import_region, new_request_id, read_regions
from yibao_cli.parties import CHANNEL, SERVICES, institution_leaf, parties_of
from yibao_cli.regions import Region, SampleBill
from yibao_cli.stack import Stack
from yibao_common.db.database import Database
from yibao_common.rpc.wire import from_date, from_instant
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.reasons import Reason
from yibao_settlement.ledger_check import check_ledger
from yibao_settlement.rules.care_type import needs_disease
from yibao_settlement.rules.visit import registration_audience, settlement_audience

# A stay that no policy of these regions has terms for.
DELIVERY = "52"
SUMS = (
    *("total_fen", "excluded_fen", "over_limit_fen", "first_self_pay_fen", "eligible_fen"),
    *("deductible_fen", "fund_total_fen", "personal_total_fen", "account_fen", "cash_fen"),
)


@dataclass(frozen=True, slots=True)
class Counter:
    """Where a bill of a region is charged, and who stands there."""

    stack: Stack
    region: Region
    bill: SampleBill
    certificate_id: str
    person_id: str

    @classmethod
    def of(cls, stack: Stack, region: Region, bill: SampleBill) -> "Counter":
        """Registers the person of the bill, and what an account needs to hold."""
        steps = IdentitySteps(
            stack,
            replace(region, sample_bill=bill),
            StepLog(lambda _title: None),
            today=shanghai_day(system_clock()),
            # Different numbers at each run; what is checked does not depend on them.
            choose=random.Random(),
        )
        person_id = steps.register_person()
        certificate_id, _ = steps.activate(person_id)
        counter = cls(stack, region, bill, certificate_id, person_id)
        if bill.account_used:
            counter.credit()
        return counter

    def credit(self) -> None:
        """Credits what the bill costs: a bill that uses the account expects it to be enough."""
        accounts = AccountServiceStub(self.stack.channel("settlement", self.agency))
        request = account_service_pb2.CreditAccountRequest(
            request_id=new_request_id(),
            region=self.region.region,
            person_id=self.person_id,
            amount_fen=self.bill.total_fen,
            source=account_service_pb2.CREDIT_SOURCE_ALLOCATION,
        )
        accounts.CreditAccount(request, timeout=CALL_SECONDS)

    @property
    def agency(self) -> str:
        return parties_of(self.region).maker

    @property
    def institution(self) -> str:
        return institution_leaf(self.region, self.bill.institution_id)

    def shown(self, audience: str) -> visit_pb2.Presentation:
        """Returns a code of the person as scanned now."""
        certificates = CertificateServiceStub(self.stack.channel("identity", CHANNEL))
        request = certificate_service_pb2.IssueQrCodeRequest(
            region=self.region.region, certificate_id=self.certificate_id, audience=audience
        )
        text = certificates.IssueQrCode(request, timeout=CALL_SECONDS).qr_text
        return visit_pb2.Presentation(
            qr_text=text, scan_time=from_instant(system_clock()), terminal_id="T1"
        )

    def visit(self) -> str:
        """Registers the visit; returns its id."""
        care_type = self.bill.care_type
        request = visits_pb.RegisterVisitRequest(
            request_id=new_request_id(),
            region=self.region.region,
            presentation=self.shown(registration_audience(care_type)),
            provider_visit_number=f"V{care_type}",
            care_type=care_type,
            start_date=from_date(shanghai_day(system_clock())),
            disease_code="M03900" if needs_disease(care_type) else "",
        )
        visits = VisitServiceStub(self.stack.channel("settlement", self.institution))
        return visits.RegisterVisit(request, timeout=CALL_SECONDS).visit.visit_id

    def settle(self) -> settlement_pb2.Settlement:
        """Settles the bill for what its trial said."""
        bill = self._message(self.visit())
        settlements = SettlementServiceStub(self.stack.channel("settlement", self.institution))
        tried = settlements.TrialBill(
            pb.TrialBillRequest(region=self.region.region, bill=bill), timeout=CALL_SECONDS
        ).settlement
        request = pb.SettleBillRequest(
            request_id=new_request_id(),
            region=self.region.region,
            presentation=self.shown(settlement_audience(self.bill.institution_id)),
            bill=bill,
            expected=pb.ExpectedAmounts(
                fund_total_fen=tried.fund_total_fen,
                account_fen=tried.account_fen,
                cash_fen=tried.cash_fen,
            ),
        )
        return settlements.SettleBill(request, timeout=CALL_SECONDS).settlement

    def refused(self) -> tuple[str, str]:
        """Tries the bill; returns reason and message of the refusal."""
        bill = self._message(self.visit())
        settlements = SettlementServiceStub(self.stack.channel("settlement", self.institution))
        with pytest.raises(grpc.RpcError) as caught:
            settlements.TrialBill(
                pb.TrialBillRequest(region=self.region.region, bill=bill), timeout=CALL_SECONDS
            )
        refusal = error_of(caught.value)
        return refusal.reason, refusal.message

    def _message(self, visit_id: str) -> bill_pb2.Bill:
        used = bill_pb2.ACCOUNT_USE_OWN if self.bill.account_used else bill_pb2.ACCOUNT_USE_NONE
        return bill_pb2.Bill(
            visit_id=visit_id,
            bill_number="1",
            service_date=from_date(shanghai_day(system_clock())),
            lines=[
                bill_pb2.BillLine(
                    line_number=line.line_number,
                    item_code=line.item_code,
                    unit_price=line.unit_price,
                    quantity=line.quantity,
                    amount_fen=line.amount_fen,
                )
                for line in self.bill.lines
            ],
            total_fen=self.bill.total_fen,
            account_use=used,
        )


def refused_by(region: Region) -> str:
    """Returns what the first step of a policy tells of a delivery, which is of no care group."""
    told = f"care_group=none (care_type {DELIVERY})"
    return f"{told}, offsite=local, path=counter" if region.region == "320300" else told


@pytest.fixture
def stack(databases: Databases, sandbox_keys: Path, tmp_path: Path) -> Iterator[Stack]:
    """Runs the services with every region in force."""
    urls = {service: databases.empty_url() for service in SERVICES}
    sandbox = Path(shutil.copytree(sandbox_keys, tmp_path / "sandbox"))
    regions = read_regions()
    with Stack.start(sandbox, regions, database_urls=urls) as started:
        for region in regions:
            import_region(started, region)
        yield started
    with contextlib.closing(Database(urls["settlement"])) as database:
        report = check_ledger(database)
    assert report.drifts == []
    assert report.settlements


@pytest.mark.long
def test_every_bill_of_every_region_is_settled_to_the_fen(
    stack: Stack, subtests: pytest.Subtests
) -> None:
    care_types = []
    for region in read_regions():
        for bill in (region.sample_bill, *region.further_bills):
            with subtests.test(region=region.region, care_type=bill.care_type):
                settled = Counter.of(stack, region, bill).settle()
                expected = bill.expected
                assert {name: getattr(settled, name) for name in SUMS} == {
                    name: getattr(expected, name) for name in SUMS
                }
                assert [
                    (each.step_id, each.fund_type, each.amount_fen)
                    for each in settled.fund_payments
                    if each.amount_fen
                ] == [
                    (each.step_id, each.fund_type, each.amount_fen)
                    for each in expected.fund_payments
                    if each.amount_fen
                ]
                care_types.append(bill.care_type)
        with subtests.test(region=region.region, care_type=DELIVERY):
            bill = replace(region.sample_bill, care_type=DELIVERY)
            assert Counter.of(stack, region, bill).refused() == (
                Reason.POLICY_NO_MATCHING_ROW.wire_name,
                f"step S1 has no row for {refused_by(region)}",
            )
    assert sorted(set(care_types)) == ["11", "14", "2101", "41"]
    assert len(care_types) == 10 * 4 + 3
