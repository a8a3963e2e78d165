"""`yibao policy submit, approve, withdraw, list, get, simulate`: policies at the service."""

import datetime as dt
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from yibao.settlement.v1 import policy_service_pb2 as pb
from yibao.settlement.v1.policy_service_pb2_grpc import PolicyServiceStub
from yibao_cli.call import to_values
from yibao_cli.connection import Connection
from yibao_cli.console import working
from yibao_cli.output import is_json, print_document
from yibao_cli.policy.documents import warnings_documents
from yibao_cli.policy.files import is_version, read_policy, show_warnings
from yibao_common.process.config import StartError
from yibao_common.rpc.wire import from_date, to_date
from yibao_common.values.errors import refuse_faults
from yibao_common.values.ids import new_id
from yibao_common.values.money import yuan
from yibao_common.values.reasons import Reason
from yibao_settlement.files.policy.check import check_policy
from yibao_settlement.rules.benefit.wording import code_en, code_zh
from yibao_settlement.rules.policy.funds import FUND_NAMES_ZH, INSURANCE_NAMES_ZH

_STATES = {
    pb.POLICY_STATE_DRAFT: "draft",
    pb.POLICY_STATE_ACTIVE: "active",
    pb.POLICY_STATE_ENDED: "ended",
    pb.POLICY_STATE_WITHDRAWN: "withdrawn",
}
_NUMBERS = {name: number for number, name in _STATES.items()}
STATE_NAMES = tuple(_NUMBERS)
_SECONDS = 30.0


@contextmanager
def _policies(at: Connection) -> Iterator[PolicyServiceStub]:
    """Yields a stub. Raises StartError where the service cannot be called so."""
    with at.open() as channel:
        yield PolicyServiceStub(channel)


def run_submit(console: Console, at: Connection, path: Path) -> int:
    """Submits a file as a draft and prints its version, and what is probably not meant in it.

    Raises:
        RuleError: POLICY_FILE_INVALID, with every mistake of the file; nothing was sent.
        StartError: the file cannot be read.
    """
    contents = read_policy(path)
    found = check_policy(contents, name=str(path))
    refuse_faults(found.faults)
    with _policies(at) as stub:
        request = pb.SubmitPolicyRequest(
            request_id=new_id(), region=at.region, policy_file=contents
        )
        policy = stub.SubmitPolicy(request, timeout=_SECONDS).policy
    if is_json():
        warnings = warnings_documents(found.warnings)
        print_document(console, {"policy": to_values(policy), "warnings": warnings})
        return 0
    _print(console, policy)
    show_warnings(console, path, found.warnings)
    if policy.state == pb.POLICY_STATE_DRAFT:
        _say(
            console,
            "It decides nothing until another operator approves it.\n待另一经办人批准后生效。",
        )
    return 0


def run_approve(console: Console, at: Connection, policy_version: str) -> int:
    """Puts a draft in force and prints what it concerns.

    Raises StartError where the version is none.
    """
    _check_version(policy_version)
    with _policies(at) as stub:
        request = pb.ApprovePolicyRequest(
            request_id=new_id(), region=at.region, policy_version=policy_version
        )
        answer = stub.ApprovePolicy(request, timeout=_SECONDS)
    if is_json():
        print_document(console, to_values(answer))
        return 0
    _print(console, answer.policy)
    for policy in answer.ended:
        _say(
            console, "It ends, for all kinds of care:\n以下政策自其首日前一日终止（含其全部待遇）："
        )
        _print(console, policy)
    if answer.settled_bills:
        told = f"{answer.settled_bills} bills of its days are settled and stay so. The first:"
        _say(console, "\n  ".join((told, *answer.settlement_ids)))
    if answer.item_codes:
        told = "Items without the share that the policy takes from them; bills are refused:"
        _say(console, "\n  ".join((told, *answer.item_codes)))
    return 0


def run_withdraw(console: Console, at: Connection, policy_version: str) -> int:
    """Takes back a policy and prints what goes on in its place.

    Raises StartError where the version is none.
    """
    _check_version(policy_version)
    with _policies(at) as stub:
        request = pb.WithdrawPolicyRequest(
            request_id=new_id(), region=at.region, policy_version=policy_version
        )
        answer = stub.WithdrawPolicy(request, timeout=_SECONDS)
    if is_json():
        print_document(console, to_values(answer))
        return 0
    _print(console, answer.policy)
    for policy in answer.reopened:
        _say(console, "What it had ended goes on:")
        _print(console, policy)
    return 0


def run_list(console: Console, at: Connection, *, insurance_type: str, state: str, day: str) -> int:
    """Prints the policies of the region, the one that begins last first.

    `state` is one of `STATE_NAMES`, or empty. Raises StartError where `day` is none.
    """
    request = pb.ListPoliciesRequest(region=at.region, insurance_type=insurance_type)
    if state:
        request.state = _NUMBERS[state]
    if day:
        request.date.CopyFrom(from_date(_day("--date", day)))
    found: list[pb.Policy] = []
    with _policies(at) as stub:
        while True:
            page = stub.ListPolicies(request, timeout=_SECONDS)
            found += page.policies
            for policy in () if is_json() else page.policies:
                _print(console, policy)
            request.page_token = page.next_page_token
            if not request.page_token:
                break
    if is_json():
        print_document(console, {"policies": [to_values(each) for each in found]})
    elif not found:
        _say(console, f"There is no such policy of region {at.region}. 没有符合条件的政策。")
    return 0


def run_get(console: Console, at: Connection, policy_version: str) -> int:
    """Writes the file of a stored version to standard output, byte for byte.

    Raises StartError where the version is none.
    """
    _check_version(policy_version)
    with _policies(at) as stub:
        request = pb.GetPolicyRequest(region=at.region, policy_version=policy_version)
        answer = stub.GetPolicy(request, timeout=_SECONDS)
    contents = answer.policy_file
    if is_json():
        told = {"policy": to_values(answer.policy), "policy_file": contents.decode()}
        print_document(console, told)
        return 0
    sys.stdout.buffer.write(contents)
    sys.stdout.buffer.flush()
    return 0


def run_simulate(console: Console, at: Connection, policy: str, *, first: str, last: str) -> int:
    """Tries a version, or a file, on settled bills and prints what would change.

    Raises StartError where a day is none or the file cannot be read.
    """
    request = pb.SimulatePolicyRequest(
        region=at.region,
        start_date=from_date(_day("--from", first)),
        end_date=from_date(_day("--to", last)),
    )
    if is_version(policy):
        request.policy_version = policy
    else:
        request.policy_file = read_policy(Path(policy))
    with _policies(at) as stub, working(console, "") as tell:
        for answer in stub.SimulatePolicy(request):
            if answer.WhichOneof("answer") == "progress":
                done = answer.progress
                tell(f"{done.decided_bills} of {done.bills} bills")
    result = answer.result
    if is_json():
        print_document(console, to_values(result))
        return 0
    if result.all.bills or result.undecided:
        _say(console, "\n".join(_result(result)))
    else:
        told = f"No bill of its insurance type is settled of days from {first} to {last}."
        _say(console, f"{told}\n{first} 至 {last} 没有该险种已结算的单据。")
    return 0


def _check_version(text: str) -> None:
    if not is_version(text):
        raise StartError(
            f"{text}: expected a version, 64 hexadecimal digits: yibao policy list prints them"
        )


def _day(option: str, text: str) -> dt.date:
    try:
        return dt.date.fromisoformat(text)
    except ValueError:
        raise StartError(f"{option} {text}: expected a day such as 2026-01-31") from None


def _print(console: Console, policy: pb.Policy) -> None:
    until = f"{to_date(policy.end_date)}" if policy.HasField("end_date") else "further notice"
    by = f"submitted by {policy.maker}"
    by += f", approved by {policy.checker}" if policy.checker else ""
    by += f", withdrawn by {policy.withdrawer}" if policy.withdrawer else ""
    lines = (
        f"{policy.policy_id}: {_STATES.get(policy.state, 'unknown')}, "
        f"insurance type {_insurance(policy.insurance_type)}, "
        f"from {to_date(policy.start_date)} until {until}",
        f"  version {policy.policy_version}",
        f"  {by}",
    )
    _say(console, "\n".join(lines))


def _insurance(code: str) -> str:
    named = INSURANCE_NAMES_ZH.get(code)
    return f"{code} ({named})" if named else code


def _reason(name: str) -> str:
    sentences = (each.message_zh for each in Reason if each.name == name)
    return " ".join((name, *sentences)).rstrip()


def _result(result: pb.SimulationResult) -> Iterator[str]:
    yield from _table("All bills", [result.all], str)
    yield "Who pays, before and after:"
    for fund in result.funds:
        called = FUND_NAMES_ZH.get(fund.fund_type, "")
        yield f"  {fund.fund_type} {called}: {yuan(fund.before_fen)} -> {yuan(fund.after_fen)}"
    yield from _table("By institution level", result.by_institution_level, _level)
    yield from _table("By age", result.by_age_group, "age {}".format)
    for text, moved in (("less", result.winners), ("more", result.losers)):
        yield f"{moved.persons} persons bear {text}, {yuan(moved.sum_fen)} in all"
    yield f"{result.unmoved_persons} persons bear as much as they did"
    if result.largest:
        yield "The largest differences of what the person bears:"
    for bill in result.largest:
        before, after = yuan(bill.personal_before_fen), yuan(bill.personal_after_fen)
        yield f"  settlement {bill.settlement_id}: {before} -> {after}"
    for refused in result.undecided:
        yield (
            f"{refused.bills} bills would be refused: {_reason(refused.reason)}, such as "
            f"settlement {refused.settlement_id}"
        )


def _level(code: str) -> str:
    return f"level {code_en('institution_level', code)} {code_zh('institution_level', code)}"


def _table(title: str, rows: object, name: Callable[[str], str]) -> Iterator[str]:
    yield f"{title}, funds and persons before and after:"
    for row in rows:  # type: ignore[attr-defined]  # a repeated field
        group = f"{name(row.group)}: " if row.group else ""
        yield (
            f"  {group}{row.bills} bills of {yuan(row.total_fen)}; funds "
            f"{yuan(row.fund_before_fen)} -> {yuan(row.fund_after_fen)}; persons "
            f"{yuan(row.personal_before_fen)} -> {yuan(row.personal_after_fen)}"
        )


def _say(console: Console, text: str) -> None:
    console.print(text, soft_wrap=True, markup=False)
