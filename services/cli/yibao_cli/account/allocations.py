"""Monthly allocations: their rules, contributions from a file, and the report as CSV."""

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import grpc
from rich.console import Console

from yibao.settlement.v1 import allocation_pb2
from yibao.settlement.v1 import allocation_service_pb2 as pb
from yibao.settlement.v1.allocation_service_pb2_grpc import AllocationServiceStub
from yibao_cli.account.asking import SECONDS, carry_out, pages, print_list, show
from yibao_cli.account.files import read_rows
from yibao_cli.call import print_answer
from yibao_cli.connection import Connection
from yibao_cli.inputs import read_file
from yibao_cli.output import is_json, print_document
from yibao_cli.whole_file import whole_csv
from yibao_common.values.ids import new_id

REPORT_COLUMNS = ("person_id", "state", "base_fen", "amount_fen", "credit_id")
_ROWS_A_REQUEST = 1_000
_RUNNING = allocation_pb2.ALLOCATION_STATE_RUNNING
_FOLLOW_SECONDS = 2.0


def run_submit(
    out: Console, err: Console, at: Connection, file: Path, *, insurance_type: str, start_month: int
) -> int:
    """Submits rules and prints them; returns 1 where they were refused, 2 where not asked."""

    def act(channel: grpc.Channel) -> None:
        request = pb.SubmitCreditPolicyRequest(
            request_id=new_id(),
            region=at.region,
            insurance_type=insurance_type,
            start_month=start_month,
            policy_file=read_file(file),
        )
        stub = AllocationServiceStub(channel)
        print_answer(out, stub.SubmitCreditPolicy(request, timeout=SECONDS))

    return carry_out(err, at, act)


def run_approve(out: Console, err: Console, at: Connection, policy_version: str) -> int:
    """Approves rules and prints them; returns as `run_submit`."""
    request = pb.ApproveCreditPolicyRequest(
        request_id=new_id(), region=at.region, policy_version=policy_version
    )
    return show(
        out,
        err,
        at,
        lambda channel: AllocationServiceStub(channel).ApproveCreditPolicy(
            request, timeout=SECONDS
        ),
    )


def run_rules(out: Console, err: Console, at: Connection) -> int:
    """Prints a line for each of the rules; returns as `run_submit`."""
    request = pb.ListCreditPoliciesRequest(region=at.region)
    return carry_out(
        err,
        at,
        lambda channel: print_list(
            out,
            "credit_policies",
            pages(AllocationServiceStub(channel).ListCreditPolicies, request, "credit_policies"),
            _rules_line,
        ),
    )


def run_contribute(
    out: Console, err: Console, at: Connection, file: Path, *, insurance_type: str, month: int
) -> int:
    """Tells what contributions of a file were paid of; returns as `run_submit`.

    It may be repeated as often as wanted: what is known is told as unchanged. A person stands in
    one row: of two requests, which the service sees apart, the last one would hold.
    """

    def act(channel: grpc.Channel) -> None:
        need, whole = ("person_id", "base_fen"), ("base_fen",)
        rows = [
            pb.ContributionRow(person_id=each["person_id"], base_fen=int(each["base_fen"]))
            for each in read_rows(file, need=need, whole=whole, is_once=True)
        ]
        sums = {"added_count": 0, "changed_count": 0, "unchanged_count": 0}
        for page in _pages(rows):
            request = pb.ImportContributionsRequest(
                request_id=new_id(),
                region=at.region,
                insurance_type=insurance_type,
                month=month,
                contributions=page,
            )
            try:
                answer = AllocationServiceStub(channel).ImportContributions(
                    request, timeout=SECONDS
                )
            except grpc.RpcError:
                _tell_taken(err, sum(sums.values()))
                raise
            for name in sums:
                sums[name] += getattr(answer, name)
        if is_json():
            print_document(out, sums)
        else:
            out.print(", ".join(f"{name} {count}" for name, count in sums.items()), markup=False)

    return carry_out(err, at, act)


def _tell_taken(err: Console, count: int) -> None:
    """Tells, before what a request is refused for, which contributions of the file it had."""
    if count and not is_json():
        err.print(
            f"{count} contributions were taken before; contributions[0] is the next of the file",
            markup=False,
            soft_wrap=True,
        )


def run_allocate(
    out: Console, err: Console, at: Connection, *, insurance_type: str, month: int, follow: bool
) -> int:
    """Begins a month's allocation and prints it, at its end with `follow`; as `run_submit`."""
    request = pb.StartAllocationRequest(
        request_id=new_id(), region=at.region, insurance_type=insurance_type, month=month
    )

    def act(channel: grpc.Channel) -> None:
        stub = AllocationServiceStub(channel)
        begun = stub.StartAllocation(request, timeout=SECONDS)
        told = begun.allocation
        while follow and told.state == _RUNNING:
            if not is_json():
                whole = told.person_count + told.waiting_count
                err.print(f"{told.person_count} of {whole} persons", markup=False)
            time.sleep(_FOLLOW_SECONDS)
            told = _read(stub, at.region, told.allocation_id)
        print_answer(out, pb.GetAllocationResponse(allocation=told))

    return carry_out(err, at, act)


def run_allocation(
    out: Console, err: Console, at: Connection, allocation_id: str, *, report: Path | None
) -> int:
    """Prints an allocation, and writes its report where it goes; returns as `run_submit`."""

    def act(channel: grpc.Channel) -> None:
        stub = AllocationServiceStub(channel)
        told = _read(stub, at.region, allocation_id)
        if report is not None:
            request = pb.ListAllocatedPersonsRequest(
                region=at.region, allocation_id=allocation_id, page_size=1_000
            )
            with whole_csv(report) as stream:
                writer = csv.writer(stream)
                writer.writerow(REPORT_COLUMNS)
                for person in pages(stub.ListAllocatedPersons, request, "persons"):
                    writer.writerow(_cells(person))
        print_answer(out, pb.GetAllocationResponse(allocation=told))

    return carry_out(err, at, act)


def run_allocations(out: Console, err: Console, at: Connection) -> int:
    """Prints a line for each allocation, the last one first; returns as `run_submit`."""
    request = pb.ListAllocationsRequest(region=at.region)
    return carry_out(
        err,
        at,
        lambda channel: print_list(
            out,
            "allocations",
            pages(AllocationServiceStub(channel).ListAllocations, request, "allocations"),
            _allocation_line,
        ),
    )


def _read(
    stub: AllocationServiceStub, region: str, allocation_id: str
) -> allocation_pb2.Allocation:
    request = pb.GetAllocationRequest(region=region, allocation_id=allocation_id)
    return stub.GetAllocation(request, timeout=SECONDS).allocation


def _pages(rows: Sequence[pb.ContributionRow]) -> Iterator[Sequence[pb.ContributionRow]]:
    for at in range(0, len(rows), _ROWS_A_REQUEST):
        yield rows[at : at + _ROWS_A_REQUEST]


def _cells(person: allocation_pb2.AllocatedPerson) -> tuple[object, ...]:
    name = allocation_pb2.AllocatedPersonState.Name(person.state)
    base = person.base_fen if person.HasField("base_fen") else ""
    state = name.removeprefix("ALLOCATED_PERSON_STATE_").lower()
    return person.person_id, state, base, person.amount_fen, person.credit_id


def _rules_line(policy: allocation_pb2.CreditPolicy) -> str:
    state = allocation_pb2.CreditPolicyState.Name(policy.state)
    return (
        f"{policy.policy_version}  {state.removeprefix('CREDIT_POLICY_STATE_')}  "
        f"{policy.insurance_type}  from {policy.start_month}  {policy.maker}"
    )


def _allocation_line(told: allocation_pb2.Allocation) -> str:
    state = allocation_pb2.AllocationState.Name(told.state).removeprefix("ALLOCATION_STATE_")
    return (
        f"{told.allocation_id}  {state}  {told.insurance_type}  {told.month}  "
        f"{told.person_count} persons"
    )
