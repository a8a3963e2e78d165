"""What the pages for clerks say is what the command does."""

import re
from pathlib import Path

from support.contracts import ROOT
from typer.testing import CliRunner

from yibao_cli.main import app
from yibao_cli.policy.bills import read_bills
from yibao_settlement.files.policy.check import check_policy
from yibao_settlement.rules.benefit.doubts.doubt import DoubtKind
from yibao_settlement.rules.benefit.facts import FACTS

PAGES = ROOT / "docs" / "policies"
TUTORIAL = PAGES / "writing-a-policy.md"
LANGUAGE = PAGES / "language.md"


def blocks(page: Path, kind: str) -> list[str]:
    """Returns the code blocks of a kind on a page."""
    return re.findall(rf"```{kind}\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)


def test_the_policy_that_a_clerk_writes_has_no_doubt_and_costs_what_the_page_says(
    tmp_path: Path,
) -> None:
    policy, bills = blocks(TUTORIAL, "yaml")
    (printed,) = blocks(TUTORIAL, "text")
    found = check_policy(policy.encode(), name="outpatient.yaml")
    assert (found.faults, found.warnings) == ((), ())
    (tmp_path / "outpatient.yaml").write_text(policy, encoding="utf-8")
    (tmp_path / "bills.yaml").write_text(bills, encoding="utf-8")
    files = [str(tmp_path / name) for name in ("outpatient.yaml", "bills.yaml")]
    result = CliRunner().invoke(app, ["policy", "try", *files])
    assert result.exit_code == 0
    assert result.output.startswith(printed)
    assert "min(max(100.00 - 300.00, 0.00), 500.00) = 0.00" in result.output
    assert "500.00 x 60% = 300.00" in result.output


def test_the_bill_file_of_the_page_is_read(tmp_path: Path) -> None:
    path = tmp_path / "bills.yaml"
    path.write_text(blocks(LANGUAGE, "yaml")[-1], encoding="utf-8")
    (bill,) = read_bills(path, day=None).bills  # type: ignore[arg-type]  # it says its day
    assert [line.over_limit_fen for line in bill.lines] == [0, 0, 5_000]


def test_the_page_names_every_fact_and_every_warning() -> None:
    text = LANGUAGE.read_text(encoding="utf-8")
    assert [fact for fact in FACTS if f"`{fact}`" not in text] == []
    kinds = set(re.findall(r"W[0-9]+", text))
    assert kinds == {kind.value for kind in DoubtKind}
