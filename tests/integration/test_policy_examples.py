"""Every example of `tests/vectors/policy` through the real services, on either database.

A person enrols, is admitted, and pays bills on the days of the example, each tried first and
settled for what the trial said; bills of care elsewhere are charged in a second region.
Afterwards the books are clean, every explanation comes out again, and with all settlements
reversed nothing is left of the person's years.
"""

from pathlib import Path

import pytest
import yaml
from support.benefit_examples import EXAMPLES, FOLDERS, facts_of
from support.both_services import CALL_SECONDS, BothServices
from support.databases import KINDS, Databases, own_turns
from support.examples_told.eras import tell_all
from support.examples_told.history import example_in
from support.examples_told.published import PUBLISHED, expected_of, found_of
from support.examples_told.walk import Told
from support.settlement_world import REGION

from yibao.settlement.v1 import account_service_pb2 as account_pb
from yibao_common.values.ids import new_id
from yibao_settlement.files.benefit.credit import load_credit_policy
from yibao_settlement.rules.benefit.credit import monthly_credits

EXAMPLES_TOLD = {folder.name: example_in(folder) for folder in FOLDERS}
CREDITS = sorted(path.parent.name for path in EXAMPLES.glob("*/credit.yaml"))
# Acceptance cases of engines: what each shows, and the folders that show it.
CASES = {
    "E1": ("one admission in two bills", ["E1"]),
    "E3": ("a bill of nothing counts no stay", ["E3"]),
    "E7": ("an item that ends during the stay", ["E7"]),
    "E8": ("a person class that changes during the stay", ["E8-admission", "E8-discharge"]),
    "E9": ("cover that ends during the stay", ["E9"]),
    "E10": ("a stay over New Year", [name for name in EXAMPLES_TOLD if name.startswith("E10-")]),
    "E12": ("lines of days outside the stay", ["E12"]),
    "O3": ("an emergency elsewhere without a registration", ["O3"]),
}


def test_no_example_is_left_out() -> None:
    """Each database has every other one."""
    taken = [name for kind in KINDS for name in own_turns(kind, list(EXAMPLES_TOLD))]
    assert sorted(taken) == sorted(EXAMPLES_TOLD)
    assert len(taken) + len(CREDITS) == 93
    assert len(PUBLISHED.keys() - set(CREDITS)) == 37
    assert all(name in EXAMPLES_TOLD for _, names in CASES.values() for name in names)


@pytest.mark.long
def test_every_example_comes_through_the_services_to_what_it_says(
    databases: Databases, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    """One test a database, because all examples share the services and the days that pass."""
    told = tell_all(EXAMPLES_TOLD.values(), tmp_path, databases)
    assert len(told) == len(EXAMPLES_TOLD) // 2
    for name, each in told.items():
        with subtests.test("an example", name=name):
            assert not _told(each), _told(each)
    for case, (what, names) in CASES.items():
        with subtests.test("an acceptance case", case=case, what=what):
            here = [told[name] for name in names if name in told]
            assert [_told(each) for each in here] == [""] * len(here)
            assert all(each.settled for each in here)
    for name in sorted(PUBLISHED.keys() & told.keys()):
        with subtests.test("a published bill", name=name):
            assert found_of(told[name]) == expected_of(name)


def _told(told: Told) -> str:
    """Returns what went wrong with an example; nothing where nothing did."""
    return told.error or "\n".join(
        f"{what}: expected {expected}, found {found}"
        for what, (expected, found) in told.differences.items()
    )


@pytest.mark.parametrize("name", CREDITS)
def test_a_published_credit_is_what_an_account_gets(services: BothServices, name: str) -> None:
    history = yaml.safe_load((EXAMPLES / name / "bills.yaml").read_text(encoding="utf-8"))
    policy = load_credit_policy((EXAMPLES / name / "credit.yaml").read_bytes(), name=name)
    for said in history["credits"]:
        facts = facts_of(said["facts"])
        (credit,) = monthly_credits(policy, facts, base_fen=said["base_fen"])
        person_id, _, _ = services.person()
        request = account_pb.CreditAccountRequest(
            request_id=new_id(),
            region=REGION,
            person_id=person_id,
            amount_fen=credit.amount_fen,
            source=account_pb.CREDIT_SOURCE_ALLOCATION,
        )
        credited = services.accounts().CreditAccount(request, timeout=CALL_SECONDS).account
        assert credited.balance_fen == said["expected"]
