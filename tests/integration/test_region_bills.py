"""Every bill of every region in a sandbox, on either database: each amount to the fen.

The regions are loaded as `yibao up` loads them. Of each bill the person is registered, the
visit takes place at the institution that the bill names, and it is settled for what the
trial said.
"""

import contextlib
import random
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from support.databases import KINDS, Databases, own_turns
from typer.testing import CliRunner

from yibao.errors import error_of
from yibao_cli.demo.steps import StepLog
from yibao_cli.loading import import_region, read_regions
from yibao_cli.main import app
from yibao_cli.parties import SERVICES
from yibao_cli.policy.sample_visit import SampleVisit
from yibao_cli.regions import Region, SampleBill, regions_folder
from yibao_cli.stack import Stack
from yibao_common.db.database import Database
from yibao_common.values.clock import system_clock
from yibao_common.values.reasons import Reason
from yibao_settlement.ledger_check import check_ledger

# A stay that no policy of these regions has terms for.
DELIVERY = "52"
# Whose bill is settled by the command, too.
OF_COMMAND = "110000"
SUMS = (
    *("total_fen", "excluded_fen", "over_limit_fen", "first_self_pay_fen", "eligible_fen"),
    *("deductible_fen", "fund_total_fen", "personal_total_fen", "account_fen", "cash_fen"),
)


def visit_of(stack: Stack, region: Region, bill: SampleBill) -> SampleVisit:
    """Returns where a bill is charged, with its person registered."""
    # Different numbers at each run; what is checked does not depend on them.
    choose, log = random.Random(), StepLog(lambda _title: None)
    return SampleVisit.of(stack, region, bill, clock=system_clock, choose=choose, log=log)


def refusal_of(visit: SampleVisit) -> tuple[str, str]:
    """Tries the bill; returns reason and message of the refusal."""
    bill = visit.message(visit.register())
    with pytest.raises(grpc.RpcError) as caught:
        visit.tried(bill)
    refusal = error_of(caught.value)
    return refusal.reason, refusal.message


def check_command(stack: Stack) -> None:
    """Checks that `yibao policy settle` settles a bill of a chronic disease at the services."""
    path = regions_folder() / OF_COMMAND / "bills" / "chronic.yaml"
    arguments = ["policy", "settle", str(path), "--folder", str(stack.sandbox.folder)]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0
    assert " x 90% = 1336.50\n     => 1336.50\n" in result.output
    assert result.output.endswith("     现金 cash: 1448.50\n")


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
        for region in own_turns(databases.kind, regions):
            import_region(started, region)
        yield started
    with contextlib.closing(Database(urls["settlement"])) as database:
        report = check_ledger(database)
    assert report.drifts == []
    assert report.settlements


@pytest.mark.long
def test_every_bill_of_every_region_is_settled_to_the_fen(
    stack: Stack, databases: Databases, subtests: pytest.Subtests
) -> None:
    care_types = []
    regions = own_turns(databases.kind, read_regions())
    for region in regions:
        for bill in (region.sample_bill, *region.further_bills):
            with subtests.test(region=region.region, care_type=bill.care_type):
                visit = visit_of(stack, region, bill)
                settled = visit.settle(visit.message(visit.register()))
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
            assert refusal_of(visit_of(stack, region, bill)) == (
                Reason.POLICY_NO_MATCHING_ROW.wire_name,
                f"step S1 has no row for {refused_by(region)}",
            )
    if any(region.region == OF_COMMAND for region in regions):
        with subtests.test("by the command"):
            check_command(stack)
    assert sorted(set(care_types)) == ["11", "14", "2101", "41"]


def test_no_region_is_left_out() -> None:
    taken = [region for kind in KINDS for region in own_turns(kind, read_regions())]
    assert sum(1 + len(region.further_bills) for region in taken) == 10 * 4 + 3
    assert OF_COMMAND in {region.region for region in taken}
