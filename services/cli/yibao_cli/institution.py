"""`yibao institution`: institutions as they stand, their doctors, and who is suspended."""

from collections.abc import Callable
from datetime import date

import grpc
from google.protobuf.message import Message
from rich.console import Console

from yibao.errors import error_of
from yibao.settlement.v1 import catalogue_service_pb2, institution_pb2
from yibao.settlement.v1 import institution_service_pb2 as pb
from yibao.settlement.v1.institution_service_pb2_grpc import InstitutionServiceStub
from yibao_cli.call import REFUSED, print_answer, show_refusal, to_values
from yibao_cli.connection import Connection
from yibao_cli.output import is_json, print_document
from yibao_common.rpc.wire import from_date, to_date
from yibao_common.values.ids import new_id

_SECONDS = 30.0


def run_show(
    out: Console, err: Console, at: Connection, institution_id: str, *, day: date | None
) -> int:
    """Prints an institution with scope and suspensions; returns 1 where it was refused."""
    request = pb.GetInstitutionRequest(region=at.region, institution_id=institution_id)
    if day is not None:
        request.date.CopyFrom(from_date(day))
    return _print_answer(out, err, at, lambda stub: stub.GetInstitution(request, timeout=_SECONDS))


def run_list(out: Console, err: Console, at: Connection, *, prefix: str, name: str) -> int:
    """Prints a line for each institution; returns as `run_show`."""
    request = pb.ListInstitutionsRequest(region=at.region, code_prefix=prefix, name_contains=name)

    def list_all(stub: InstitutionServiceStub) -> None:
        found: list[catalogue_service_pb2.Institution] = []
        while True:
            answer = stub.ListInstitutions(request, timeout=_SECONDS)
            found += answer.institutions
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        if is_json():
            print_document(out, {"institutions": [to_values(each) for each in found]})
            return
        for each in found:
            level = f"level {each.institution_level}"
            _print(out, f"{each.institution_id}  {level:<8}  {each.institution_name}")
        _print(out, f"{len(found)} institutions")

    return _carry_out(err, at, list_all)


def run_doctor(out: Console, err: Console, at: Connection, doctor_code: str, *, year: int) -> int:
    """Prints a doctor with points and suspensions; returns as `run_show`."""
    request = pb.GetDoctorRequest(region=at.region, doctor_code=doctor_code, year=year)
    return _print_answer(out, err, at, lambda stub: stub.GetDoctor(request, timeout=_SECONDS))


def run_points(
    out: Console,
    err: Console,
    at: Connection,
    doctor_code: str,
    *,
    points: int,
    day: date,
    reason: str,
) -> int:
    """Adds points to a doctor and prints what they brought; returns as `run_show`."""
    request = pb.AddDoctorPointsRequest(
        request_id=new_id(),
        region=at.region,
        doctor_code=doctor_code,
        points=points,
        points_date=from_date(day),
        reason=reason,
    )
    return _print_answer(out, err, at, lambda stub: stub.AddDoctorPoints(request, timeout=_SECONDS))


def run_suspended(
    out: Console, err: Console, at: Connection, *, institution_id: str, day: date | None
) -> int:
    """Prints a line for each suspension; returns as `run_show`."""
    request = pb.ListSuspensionsRequest(region=at.region, institution_id=institution_id)
    if day is not None:
        request.date.CopyFrom(from_date(day))

    def list_all(stub: InstitutionServiceStub) -> None:
        found: list[institution_pb2.Suspension] = []
        while True:
            answer = stub.ListSuspensions(request, timeout=_SECONDS)
            found += answer.suspensions
            request.page_token = answer.next_page_token
            if not request.page_token:
                break
        if is_json():
            print_document(out, {"suspensions": [to_values(each) for each in found]})
            return
        for each in found:
            _print(out, _line(each))
        _print(out, f"{len(found)} suspensions")

    return _carry_out(err, at, list_all)


def run_suspend(
    out: Console,
    err: Console,
    at: Connection,
    kind: str,
    *,
    institution_id: str,
    code: str,
    first: date,
    last: date | None,
    reason: str,
) -> int:
    """Suspends somebody and prints the suspension; returns as `run_show`."""
    request = pb.SuspendRequest(
        request_id=new_id(),
        region=at.region,
        kind=institution_pb2.SuspendedKind.Value(f"SUSPENDED_KIND_{kind.upper()}"),
        institution_id=institution_id,
        code=code,
        start_date=from_date(first),
        reason=reason,
    )
    if last is not None:
        request.end_date.CopyFrom(from_date(last))
    return _print_answer(out, err, at, lambda stub: stub.Suspend(request, timeout=_SECONDS))


def run_lift(
    out: Console,
    err: Console,
    at: Connection,
    suspension_id: str,
    *,
    last: date | None,
    reason: str,
) -> int:
    """Lifts a suspension and prints it; returns as `run_show`."""
    request = pb.LiftSuspensionRequest(
        request_id=new_id(), region=at.region, suspension_id=suspension_id, reason=reason
    )
    if last is not None:
        request.last_date.CopyFrom(from_date(last))
    return _print_answer(out, err, at, lambda stub: stub.LiftSuspension(request, timeout=_SECONDS))


def _line(suspension: institution_pb2.Suspension) -> str:
    kind = institution_pb2.SuspendedKind.Name(suspension.kind).removeprefix("SUSPENDED_KIND_")
    is_cut = suspension.HasField("lift_last_date")
    last = suspension.lift_last_date if is_cut else suspension.end_date
    ends = is_cut or suspension.HasField("end_date")
    days = f"{to_date(suspension.start_date)} to {to_date(last) if ends else 'further notice'}"
    lifted = "lifted" if suspension.HasField("lift_time") else "stands"
    who = " ".join(filter(None, (suspension.institution_id, suspension.code)))
    parts = (suspension.suspension_id, kind, who, days, lifted, suspension.reason)
    return "  ".join(parts)


def _print_answer(
    out: Console,
    err: Console,
    at: Connection,
    ask: Callable[[InstitutionServiceStub], Message],
) -> int:
    return _carry_out(err, at, lambda stub: print_answer(out, ask(stub)))


def _carry_out(err: Console, at: Connection, act: Callable[[InstitutionServiceStub], None]) -> int:
    with at.open() as channel:
        try:
            act(InstitutionServiceStub(channel))
        except grpc.RpcError as error:
            show_refusal(err, error_of(error))
            return REFUSED
    return 0


def _print(out: Console, text: str) -> None:
    out.print(text, markup=False, soft_wrap=True, highlight=False)
