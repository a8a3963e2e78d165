"""`yibao demo` shows every published amount, fails when one differs, leaves nothing behind."""

import dataclasses
import io
import os
import random
import re
import subprocess
import sys
from pathlib import Path

import pytest
from rich.cells import cell_len
from rich.console import Console

from yibao.settlement.v1.settlement_service_pb2 import SettleBillResponse
from yibao_cli.demo.command import run_demo
from yibao_cli.demo.corrections_command import run_corrections
from yibao_cli.demo.identity_steps import ADMISSION, SETTLE, IdentitySteps
from yibao_cli.demo.settlement_steps import SettlementSteps
from yibao_cli.demo.steps import StepFailedError, StepLog
from yibao_cli.loading import import_region, published_stays, read_regions
from yibao_cli.stack import Stack
from yibao_common.values.calendar import shanghai_day
from yibao_common.values.clock import system_clock
from yibao_common.values.money import yuan


def processes_naming(path: Path) -> list[str]:
    listed = subprocess.run(
        ["ps", "-eww", "-o", "pid=,args="], capture_output=True, text=True, check=True
    )
    return [line for line in listed.stdout.splitlines() if str(path) in line]


def wrapped_rows(shown: str) -> list[str]:
    """Returns the lines of tables that go on with a row of the line before."""
    tables = re.findall(r"(?m)^ +(?:Step|Amount in yuan) .*\n((?:.+\n)+)", shown)
    assert tables
    return [line for table in tables for line in table.splitlines() if line[0] == " "]


@pytest.mark.long
def test_the_demo_shows_every_published_amount_and_leaves_nothing(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "yibao_cli.main", "demo"],
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "80", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    shown = finished.stdout
    assert finished.returncode == 0, shown + finished.stderr
    assert finished.stderr == ""
    assert "✗" not in shown
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert wrapped_rows(shown) == []
    parts = shown.split("╭─ ")[1:]
    for region, part in zip(published_stays(), parts, strict=True):
        expected = region.sample_bill.expected
        amounts = [each.amount_fen for each in expected.fund_payments]
        amounts += [value for value in dataclasses.astuple(expected) if isinstance(value, int)]
        assert part.startswith(region.sample_bill.example)
        for fen in amounts:
            # Ours, and the published one beside it.
            assert re.search(rf" {yuan(fen)} +{yuan(fen)}\n", part), yuan(fen)
    stay = shown.partition("A stay in two bills")[2].partition("Care in another region")[0]
    for name, *of_bills in (
        ("Total", "20000.00", "5000.00", "25000.00"),
        ("Deductible", "1300.00", "0.00", "1300.00"),
        ("All funds", "15460.00", "4250.00", "19710.00"),
        ("Cash", "4540.00", "750.00", "5290.00"),
    ):
        assert re.search(rf"{name} +{' +'.join(of_bills)}\n", stay), name
    for sentence in (
        "医保付了15460.00元，您自己付4540.00元",
        "insurance paid 15460.00, you pay 4540.00",
        "1300.00元到10000.00元这一段有8700.00元，按80%付6960.00元",
        "10000.00 to 20000.00 lie 10000.00: 85% gives 8500.00",
        "职工基本医疗保险统筹基金对5000.00元按85%支付，付4250.00元",
        "Employee pool pays 85% of 5000.00: 4250.00",
    ):
        assert sentence in stay, sentence
    assert processes_naming(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_the_life_of_credentials_goes_well_and_leaves_nothing(tmp_path: Path) -> None:
    """I-06, I-19, I-20, I-23, I-24: loss, replacement, both kinds of code, the key's end."""
    finished = subprocess.run(
        [sys.executable, "-m", "yibao_cli.main", "demo", "credentials"],
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "80", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    shown = finished.stdout
    assert finished.returncode == 0, shown + finished.stderr
    assert finished.stderr == ""
    assert "✗" not in shown
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert wrapped_rows(shown) == []
    steps = [line[2:31].rstrip() for line in shown.splitlines() if line.startswith("✓")]
    # The story to its end, in its order.
    wanted = iter(steps)
    for step in (
        "Issue a card",
        "Swipe the lost card",
        "Collect it",
        "Compare the account",
        "Verify it offline (mode A)",
        "Verify it offline (mode B)",
        "yibao keys rotate --emergency",
        "Verify a code of the old key",
        "yibao keys kill",
        "Verify the old code again",
        "Verify the new one",
    ):
        assert step in wanted, f"{step} is missing after the step before it, in {steps}"
    assert processes_naming(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long
def test_a_referral_and_an_emergency_elsewhere_go_well_and_leave_nothing(tmp_path: Path) -> None:
    """I-30, O-06, O-07, O-09, O-10: all parts of care elsewhere, over the services' own calls."""
    finished = subprocess.run(
        [sys.executable, "-m", "yibao_cli.main", "demo", "elsewhere"],
        env={**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "80", "TERM": "dumb"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    shown = finished.stdout
    assert finished.returncode == 0, shown + finished.stderr
    assert finished.stderr == ""
    assert "✗" not in shown
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert wrapped_rows(shown) == []
    told = iter(re.sub(r" +", " ", line) for line in shown.splitlines())
    # Of 20000.00 800.00 are the deductible; the pool pays 82 % at home, 5 points less for a
    # referral, 20 less for whoever did not register, and in an emergency what it pays at home.
    for row in (
        "Come without registration settlement on terms unregistered",
        "Try the bill so settlement funds 11904.00, cash 8096.00",
        "Apply with a wrong paper offsite registration_form, referral_proof",
        "Approve it at once offsite refused: PRE_EVALUATION_REQUIRED",
        "Record it, history unread offsite refused: HISTORY_FILE_NOT_READ",
        "Approve it, another operator offsite approved",
        "Verify it offline hospital to 330200",
        "Admit with the attestation settlement on terms referral",
        "Settle the bill settlement refused: AUDIT_HOLD",
        "Close it, its own auditor offsite refused: AUDITOR_MAY_NOT_CLOSE",
        "Settle the bill settlement funds 14784.00, cash 5216.00",
        "Compare with no registration settlement 2880.00 less from the funds",
        "您在330200看病，异地转诊备案有效，按转诊待遇报销。",
        "Compared with care at home in 330100, insurance pays 960.00 less.",
        "Admit without the mark settlement refused: EMERGENCY_MARK_MISMATCH",
        "Settle the bill settlement funds 15744.00, cash 4256.00",
        "Find it at offsite offsite deemed registered, of this visit",
        "急诊已视同备案，不降低比例。",
        "Prove the ledger settlement 2 settlements, no drift",
    ):
        assert any(row in line for line in told), f"{row} is missing after the row before it"
    assert processes_naming(tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_one_fen_of_difference_fails_the_demo(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    region = published_stays()[0]
    bill = region.sample_bill
    expected = dataclasses.replace(bill.expected, cash_fen=bill.expected.cash_fen + 1)
    wrong = dataclasses.replace(region, sample_bill=dataclasses.replace(bill, expected=expected))
    console = Console(file=io.StringIO(), width=80)
    assert run_demo(console, [wrong], clock=system_clock) == 1
    assert isinstance(console.file, io.StringIO)
    shown = console.file.getvalue()
    assert "✗ of it cash" in shown
    assert "Something differs" in shown
    assert processes_naming(tmp_path) == []


@pytest.mark.long
def test_the_demo_of_corrections_pays_out_what_a_later_bill_cost_less() -> None:
    shown = io.StringIO()
    console = Console(file=shown, width=80)
    assert run_corrections(console, read_regions(), clock=system_clock) == 0
    told = shown.getvalue()
    assert "✗" not in told
    assert wrapped_rows(told) == []
    # Half the deductible of a first admission, of which the fund pays 87 %.
    assert f"later bill: funds {yuan(65_000 * 87 // 100)} more" in told
    assert "0.00, bills moved: 1" in told


def test_each_check_of_the_walk_fails_where_the_answer_is_another(
    sandbox_folder: Path,
) -> None:
    region = published_stays()[0]
    today = shanghai_day(system_clock())
    log, choose = StepLog(lambda _title: None), random.Random(1)
    with Stack.start(sandbox_folder, [region]) as stack:
        import_region(stack, region)
        identity = IdentitySteps(stack, region, log, today=today, choose=choose)
        steps = SettlementSteps(stack, region, log, today=today, clock=system_clock, choose=choose)
        person_id = identity.register_person()
        certificate_id, _subject = identity.activate(person_id)
        visit_id = steps.register_visit(identity.issue(certificate_id, ADMISSION))
        before = steps.standing(person_id)
        qr_text = identity.issue(certificate_id, SETTLE)
        request, answer = steps.settle(steps.make_bill(visit_id), qr_text)
        settled = SettleBillResponse.FromString(answer).settlement
        settled.cash_fen += 1
        with pytest.raises(StepFailedError, match="not the first one"):
            steps.repeat(request, answer + b"\0")
        with pytest.raises(StepFailedError, match="not the one that was answered"):
            steps.read(settled)
        # The settlement stands, so account, year and funds are not as before.
        with pytest.raises(StepFailedError, match="before"):
            steps.compare_standing(person_id, before)
        with pytest.raises(StepFailedError, match="ERROR_REASON_SETTLEMENT_NOT_FOUND"):
            steps.explain(visit_id)
    assert [step.is_good for step in log.steps[-4:]] == [False] * 4
