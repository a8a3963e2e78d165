"""What is refused first when misuse is reported, suspended and lifted, and what is left then."""

import itertools

import pytest
from support.memory.ecert import CHANNEL, EcertWorld, outcome

from yibao_common.values.errors import RuleError
from yibao_identity.application.misuse import (
    DecideCase,
    ReportMisuse,
    check_none_suspended,
)
from yibao_identity.rules.card import CardState
from yibao_identity.rules.certificate import CertificateState
from yibao_identity.rules.credential import CredentialKind
from yibao_identity.rules.misuse import CaseCredential, CaseState, MisuseKind, Suspicion

MAKER, CHECKER = (f"agency/500100/{name}" for name in ("wang", "zhang"))
ECERT, CARD = CredentialKind.ECERT, CredentialKind.CARD
States = dict[CredentialKind, CardState | CertificateState]
STANDS: States = {ECERT: CertificateState.ACTIVE, CARD: CardState.ACTIVE}
ENDED: States = {ECERT: CertificateState.CLOSED, CARD: CardState.REPLACED}
KINDS = pytest.mark.parametrize("kind", [ECERT, CARD], ids=lambda kind: kind.name)


def credential(
    id: str, kind: CredentialKind = ECERT, *, person_id: str = "p1", is_standing: bool = True
) -> CaseCredential:
    states = STANDS if is_standing else ENDED
    return CaseCredential(kind, id, person_id, f"S{id}", states[kind], None)


def furnished(*credentials: CaseCredential) -> EcertWorld:
    world = EcertWorld()
    for each in credentials:
        world.suspensions.add(each)
        if each.person_id not in world.holders.persons:
            world.add_person(each.person_id)
    return world


def report(world: EcertWorld, id: str) -> str:
    request = world.request("ReportMisuse")
    command = ReportMisuse(request, f"S{id}", Suspicion(MisuseKind.LENT, "seen", "cctv/1"))
    return outcome(world.cases.report, command)


def reported(world: EcertWorld, *ids: str) -> list[str]:
    """Reports each credential; returns the cases."""
    assert {report(world, id) for id in ids} == {"OK"}
    return list(world.case_rows.rows)


def suspend(world: EcertWorld, case_id: str, *, operator: str = MAKER) -> str:
    request = world.request("SuspendCredential", caller=operator)
    return outcome(world.cases.suspend, DecideCase(request, case_id, "note"))


def lift(world: EcertWorld, case_id: str, *, operator: str = CHECKER) -> str:
    request = world.request("LiftSuspension", caller=operator)
    return outcome(world.cases.lift, DecideCase(request, case_id, "note"))


def marks(world: EcertWorld) -> dict[str, str]:
    rows = world.suspensions.rows.values()
    return {
        each.credential_id: each.suspension_case_id
        for each in rows
        if each.suspension_case_id is not None
    }


def test_a_report_needs_a_credential_and_changes_nothing_for_it() -> None:
    world = furnished(credential("a"))
    assert report(world, "unknown") == "CREDENTIAL_NOT_FOUND"
    (case_id,) = reported(world, "a")
    case = world.case_rows.rows[case_id]
    assert (case.state, case.person_id, case.reporter) == (CaseState.REPORTED, "p1", CHANNEL)
    assert (marks(world), world.fed, world.holders.locked) == ({}, set(), [])
    (entry,) = world.audit
    assert (entry.subject_ids, entry.detail) == (("p1", "a", case_id), {"kind": "LENT"})


def test_suspending_refuses_in_the_order_that_the_contract_promises() -> None:
    world = furnished(credential("a"))
    assert suspend(world, "unknown") == "MISUSE_CASE_NOT_FOUND"
    first, second, third = reported(world, "a", "a", "a")
    assert lift(world, third) == "OK"
    gone = world.suspensions.rows.pop("a")
    # Closed, and its credential is gone: the state is told first.
    assert suspend(world, third) == "MISUSE_CASE_STATE"
    assert suspend(world, first) == "CREDENTIAL_NOT_FOUND"
    world.suspensions.add(gone)
    assert suspend(world, first) == "OK"
    assert suspend(world, first) == "MISUSE_CASE_STATE"
    assert suspend(world, second) == "MISUSE_CASE_STATE"
    assert world.case_rows.rows[second].state is CaseState.REPORTED
    assert marks(world) == {"a": first}


def test_a_suspension_locks_holder_credentials_and_case_in_this_order_and_is_told() -> None:
    world = furnished(credential("b"), credential("a", is_standing=False), credential("c", CARD))
    (case_id,) = reported(world, "b")
    world.add_device("d1", "b", public_key=b"key")
    assert suspend(world, case_id) == "OK"
    assert world.holders.locked == ["p1"]
    assert world.suspensions.locked == ["a", "b"]
    assert world.case_rows.locked == [case_id]
    assert world.device_rows.locked == ["d1"]
    assert world.fed == {"p1"}
    assert world.audit[-1].subject_ids == ("p1", "b", case_id)


def test_lifting_refuses_in_the_order_that_the_contract_promises() -> None:
    world = furnished(credential("a"))
    assert lift(world, "unknown") == "MISUSE_CASE_NOT_FOUND"
    (case_id,) = reported(world, "a")
    assert suspend(world, case_id) == "OK"
    assert lift(world, case_id, operator=MAKER) == "SAME_MAKER_AND_CHECKER"
    assert marks(world) == {"a": case_id}
    assert lift(world, case_id) == "OK"
    assert marks(world) == {}
    # Once it is closed, who asks does not matter.
    assert lift(world, case_id, operator=MAKER) == "MISUSE_CASE_STATE"


def test_closing_a_report_frees_nothing_and_is_not_told() -> None:
    world = furnished(credential("a"))
    first, second = reported(world, "a", "a")
    assert suspend(world, first) == "OK"
    world.fed.clear()
    assert lift(world, second) == "OK"
    assert (marks(world), world.fed) == ({"a": first}, set())
    assert world.audit[-1].detail == {"lifted": "0"}


@KINDS
@pytest.mark.parametrize("holder", ["p1", "p2"])
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_what_three_cases_hold_is_free_when_the_last_of_them_is_lifted(
    kind: CredentialKind, holder: str, order: tuple[int, ...]
) -> None:
    """I-04: in whichever order they are lifted, each frees only what no other case holds."""
    ended = [credential(id, kind, is_standing=False) for id in "ab"]
    stands, other = credential("c", kind, person_id=holder), credential("z", CARD, person_id="p9")
    world = furnished(*ended, stands, other)
    if holder != "p1":
        world.merge("p1", holder)
    cases = reported(world, "c", "b", "a")
    assert [suspend(world, case_id) for case_id in cases] == ["OK"] * 3
    standing = [cases[number] for number in order]
    while standing:
        own = {"c": cases[0], "b": cases[1], "a": cases[2]}
        expected = {id: case_id for id, case_id in own.items() if case_id in standing}
        # What stands bears the mark of its own case, or else of the oldest that holds it.
        expected["c"] = min(standing)
        assert marks(world) == expected
        assert lift(world, standing.pop(0)) == "OK"
    assert marks(world) == {}


def test_a_record_with_a_suspended_credential_is_not_ended() -> None:
    """I-04: not even where it is one of a record that was merged into it before."""
    for kind, reason in ((CARD, "CARD_SUSPENDED"), (ECERT, "ECERT_SUSPENDED")):
        world = furnished(credential("a", kind, is_standing=False), credential("b", CARD))
        world.add_person("p2")
        (case_id,) = reported(world, "a")
        check_none_suspended(world.transactions.work, "p1")
        assert suspend(world, case_id) == "OK"
        world.merge("p1", "p2")
        for person_id in ("p1", "p2"):
            with pytest.raises(RuleError) as refused:
                check_none_suspended(world.transactions.work, person_id)
            assert refused.value.reason.name == reason
            assert refused.value.metadata == {"case_id": case_id}
